// The comments that the sample applications send: one function for each notation that weir reads call sites from.
// It knows no driver. Invariant: every text is different, for each carries an id of its request, as tracers do.

import type { Random } from '../core/clock.ts';

/** What the driver takes as `comment`. */
export type Comment = string | { readonly [key: string]: string };

/** Makes the comment of one request of one call site. */
export type CommentForm = (callSite: string, random: Random) => Comment;

function hex(digits: number, random: Random): string {
  let text = '';
  while (text.length < digits) text += Math.floor(random() * 16).toString(16);
  return text;
}

/** W3C trace context, the form in which tracers name a request. */
function traceparent(random: Random): string {
  return `00-${hex(32, random)}-${hex(16, random)}-01`;
}

/** A text that is a JSON object. */
export const jsonText: CommentForm = (callSite, random) =>
  JSON.stringify({ callingFunction: callSite, hostname: 'shop-3', httpUniqueId: hex(24, random) });

/** A BSON document. */
export const document: CommentForm = (callSite, random) => ({
  callingFunction: callSite,
  traceparent: traceparent(random),
});

/** A list of key='value', values URL-encoded: the call site is controller#action. */
export const keyValueList: CommentForm = (callSite, random) => {
  const [controller = '', action = ''] = callSite.split('#').map(encodeURIComponent);
  return `action='${action}',controller='${controller}',framework='express',traceparent='${traceparent(random)}'`;
};

/** Plain text, to which a tracer appended its list. */
export const plainText: CommentForm = (callSite, random) => `${callSite},traceparent='${traceparent(random)}'`;
