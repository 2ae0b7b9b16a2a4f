// POST /api/v1/{pause,resume,reconnect,drain,kill}: guards, reads and logs what a person asks, and passes it on.
// It obeys nothing itself (core/verbs.ts). Invariants: nothing that a web page can send gets through (the Host was checked
// before, and X-Weir and a JSON type make a browser ask first, which is never granted); every verb is logged.

import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context, Hono, MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { LogFields, Logger } from '../core/logger.ts';
import { LONGEST_DRAIN_MS, type VerbAnswer, type Verbs } from '../core/verbs.ts';
import { isLoopback } from './host-check.ts';

export interface VerbRouteOptions {
  /** The host the admin server is bound to: verbs are obeyed on loopback only. */
  readonly host: string;
  readonly verbs: Verbs;
  readonly logger: Logger;
}

/** Addresses that take a POST. */
export const VERB_PATHS: ReadonlySet<string> = new Set(
  ['pause', 'resume', 'reconnect', 'drain', 'kill'].map((verb) => `/api/v1/${verb}`),
);

const MAX_BODY_BYTES = 4096;
const MAX_NAME_LENGTH = 200;

type Fields = Readonly<Record<string, unknown>>;

/** What a body asks for, ready to be carried out; or the sentence that says what is wrong with it. */
type Request = { readonly asked: LogFields; readonly run: () => VerbAnswer<unknown> } | string;

type Reader = (fields: Fields, verbs: Verbs) => Request;

const READERS: Readonly<Record<string, Reader>> = {
  pause: (fields, verbs) => readCluster(fields, (cluster) => verbs.pause(cluster)),
  resume: (fields, verbs) => readCluster(fields, (cluster) => verbs.resume(cluster)),
  reconnect: (fields, verbs) => readCluster(fields, (cluster) => verbs.reconnect(cluster)),
  drain: readDrain,
  kill: readKill,
};

function refuse(context: Context, status: 400 | 403 | 404 | 405 | 409 | 413 | 415, error: string): Response {
  return context.json({ error }, status);
}

/** The first field that is not among these. */
function unknownField(fields: Fields, known: readonly string[]): string | null {
  const field = Object.keys(fields).find((name) => !known.includes(name));
  if (field === undefined) return null;
  return `there is no '${field.slice(0, MAX_NAME_LENGTH)}' here; what may be given: ${known.join(', ')}`;
}

function readCluster(fields: Fields, run: (cluster: string | null) => VerbAnswer<unknown>): Request {
  const { cluster = null } = fields;
  if (cluster !== null && (typeof cluster !== 'string' || cluster === '' || cluster.length > MAX_NAME_LENGTH)) {
    return 'cluster must be the name of a cluster, or absent for all';
  }
  return unknownField(fields, ['cluster']) ?? { asked: { cluster: cluster ?? 'all' }, run: () => run(cluster) };
}

function readDrain(fields: Fields, verbs: Verbs): Request {
  const { timeoutMs = null } = fields;
  if (timeoutMs !== null && !isWholeNumber(timeoutMs, 0, LONGEST_DRAIN_MS)) {
    return `timeoutMs must be a whole number of milliseconds from 0 to ${LONGEST_DRAIN_MS}, or absent`;
  }
  const asked = timeoutMs === null ? {} : { timeout_ms: timeoutMs };
  return unknownField(fields, ['timeoutMs']) ?? { asked, run: () => verbs.drain(timeoutMs) };
}

function readKill(fields: Fields, verbs: Verbs): Request {
  const { client, operation } = fields;
  const wrong = unknownField(fields, ['client', 'operation']);
  if (wrong !== null) return wrong;
  if ((client === undefined) === (operation === undefined)) {
    return 'give either client (its id, such as 7) or operation (its id, such as "7.12")';
  }
  if (client !== undefined) {
    if (!isWholeNumber(client, 1, Number.MAX_SAFE_INTEGER)) return 'client must be the id of a client, such as 7';
    return { asked: { client }, run: () => verbs.killClient(client) };
  }
  if (typeof operation !== 'string' || !/^[1-9]\d{0,14}\.[1-9]\d{0,14}$/.test(operation)) {
    return 'operation must be the id of an operation, such as "7.12"';
  }
  return { asked: { operation }, run: () => verbs.killOperation(operation) };
}

function isWholeNumber(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most;
}

/** Null for anything but an object. */
function parseFields(text: string): Fields | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
  } catch {
    return null;
  }
}

function guard({ host }: VerbRouteOptions): MiddlewareHandler {
  return async (context, next) => {
    if (!isLoopback(host.toLowerCase())) {
      return refuse(context, 403, `verbs are obeyed on loopback only, and this admin server is bound to ${host}`);
    }
    const { req } = context;
    const site = req.header('sec-fetch-site');
    if (site !== undefined && site !== 'same-origin' && site !== 'none') {
      return refuse(context, 403, 'verbs are not for pages of other sites');
    }
    if (req.header('x-weir') === undefined) {
      return refuse(context, 403, 'a verb needs the header X-Weir (any value), so that no web page can send it');
    }
    const [type = ''] = (req.header('content-type') ?? '').split(';');
    if (type.trim().toLowerCase() !== 'application/json') {
      return refuse(context, 415, 'a verb needs the header Content-Type: application/json');
    }
    return await next();
  };
}

const limitBody: MiddlewareHandler = bodyLimit({
  maxSize: MAX_BODY_BYTES,
  onError: (context) => refuse(context, 413, `the body may have ${MAX_BODY_BYTES} bytes at most`),
});

async function obey(context: Context, verb: string, options: VerbRouteOptions): Promise<Response> {
  const fields = parseFields(await context.req.text());
  if (fields === null) return refuse(context, 400, 'the body must be a JSON object; {} if there is nothing to say');
  const request = READERS[verb]?.(fields, options.verbs) ?? 'there is no such verb';
  if (typeof request === 'string') return refuse(context, 400, request);
  const { address = '', port = 0 } = getConnInfo(context).remote;
  const log: LogFields = { verb, from: `${address}:${port}`, ...request.asked };
  const answer = request.run();
  if (answer.kind === 'done') {
    options.logger.info(log, `obeyed: ${verb}`);
    return context.json({ verb, result: answer.value });
  }
  options.logger.info({ ...log, reason: answer.sentence }, `not possible: ${verb}`);
  return refuse(context, answer.kind === 'not_found' ? 404 : 409, answer.sentence);
}

/** The verbs; every other method on these addresses is refused. */
export function addVerbRoutes(app: Hono, options: VerbRouteOptions): void {
  for (const verb of Object.keys(READERS)) {
    const path = `/api/v1/${verb}`;
    app.post(path, guard(options), limitBody, (context) => obey(context, verb, options));
    app.all(path, (context) => {
      context.header('allow', 'POST');
      return refuse(context, 405, 'a verb needs POST');
    });
  }
}
