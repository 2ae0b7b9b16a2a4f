// Makes a text from the wire fit to be shown: in a terminal, in JSON, as a Prometheus label.
// It does not decide how many different texts are kept (operation-table.ts does), and is not called per operation.
// Invariant: the result has at most `maxLength` UTF-16 units, no control or bidirectional character, no broken surrogate.

/** Ends a text that was cut. */
export const CUT_MARKER = '…';

/** Longest label of a row. MongoDB's longest namespace is 255 bytes; people read less. */
export const MAX_LABEL_LENGTH = 120;

const REPLACEMENT = '\u{fffd}';

// Control characters, the format characters that hide or reorder text in a terminal, lone surrogates, line separators.
const UNSHOWABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const EVERY_UNSHOWABLE: RegExp = new RegExp(UNSHOWABLE.source, 'gu');

/** True when `cleanLabel` would return the text as it is. */
export function isCleanLabel(text: string, maxLength: number = MAX_LABEL_LENGTH): boolean {
  return text.length <= maxLength && !UNSHOWABLE.test(text);
}

/** The text with unshowable characters replaced, cut at `maxLength` with a marker; idempotent. */
export function cleanLabel(text: string, maxLength: number = MAX_LABEL_LENGTH): string {
  if (isCleanLabel(text, maxLength)) return text;
  // Cut before anything is scanned: the text may be megabytes long.
  const kept = text.length > maxLength ? text.slice(0, Math.max(maxLength - CUT_MARKER.length, 0)) : text;
  // A cut may halve a surrogate pair: the half left behind is replaced like every other broken one.
  const shown = kept.replace(EVERY_UNSHOWABLE, REPLACEMENT);
  return text.length > maxLength ? shown + CUT_MARKER.slice(0, maxLength) : shown;
}
