// Every key of the config, declared once: type, default, bounds and what it means. The reference page, the hints for
// typos and the checks all come from here. It knows no file, no line numbers and no flags.
// Invariant: every key has an entry in `keyDocs` (a test walks the tree).

import { z } from 'zod';
import { type Config, LOG_LEVELS } from './config.ts';
import type { Parsed } from './parsed.ts';
import { parseBind, parseBindOrOff, parseDuration, parseDurationOrZero, parseRate } from './quantities.ts';
import { COMPRESSORS, parseUpstreamUri } from './upstream-uri.ts';

/** What the reference page says about a key. */
export interface KeyDoc {
  /** In words: "duration", "whole number from 1", … */
  readonly type: string;
  readonly meaning: string;
  /** When a changed value takes effect. */
  readonly applies: 'restart' | 'live';
  /** In place of the schema's own default, where that is decided elsewhere. */
  readonly defaultText?: string;
}

/** The documentation of every key, by its schema. */
export const keyDocs: z.core.$ZodRegistry<KeyDoc> = z.registry<KeyDoc>();

const MAX_LISTED = 100;

function key<S extends z.ZodType>(schema: S, type: string, meaning: string, defaultText?: string): S {
  if (keyDocs.has(schema)) throw new Error(`one schema object serves two config keys: ${meaning}`);
  keyDocs.add(schema, { type, meaning, applies: 'restart', ...(defaultText === undefined ? {} : { defaultText }) });
  return schema;
}

/** A text that one of the small parsers understands. A refusal is marked in the issue's params. */
function readBy<T>(parse: (text: string) => Parsed<T>): z.ZodType<T, string> {
  return z.string().transform((text, context) => {
    const result = parse(text);
    if (result.ok) return result.value;
    context.addIssue({ code: 'custom', message: result.sentence, params: { refusal: result.refusal } });
    return z.NEVER;
  });
}

/** A whole number; decimal digits as text are taken too, because `!env` yields text. */
function wholeNumber(min: number, max: number): z.ZodType<number> {
  const fromDigits = (input: unknown): unknown =>
    typeof input === 'string' && /^\d{1,15}$/.test(input) ? Number(input) : input;
  return z.preprocess(fromDigits, z.number().int().min(min).max(max));
}

/** Made anew for each key: the documentation hangs on the schema object. */
function nameText(): z.ZodString {
  return z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'expected a name of up to 64 letters, digits, _ . or -');
}

function pattern(): z.ZodString {
  return z.string().min(1).max(256);
}

const pool = z.strictObject({
  maxConnections: key(
    wholeNumber(1, 10_000).default(50),
    'whole number from 1 to 10000',
    'hard cap of ordinary connections to the server. The await lane and the monitor are beside it',
  ),
  maxConnecting: key(
    wholeNumber(1, 100).default(2),
    'whole number from 1 to 100',
    'connections being established at the same time',
  ),
  waitQueueTimeout: key(
    readBy(parseDuration).prefault('5s'),
    'duration',
    'how long an operation may wait for a connection before its client gets an error',
  ),
  maxWaiters: key(
    wholeNumber(1, 1_000_000).default(10_000),
    'whole number from 1',
    'operations that may wait at once; the next one is refused',
  ),
  awaitConnections: key(
    wholeNumber(1, 1000).default(10),
    'whole number from 1 to 1000',
    'connections beside the cap for getMores that wait at the server (change streams, tailable cursors)',
  ),
});

const listener = z.strictObject({
  name: key(nameText(), 'name', 'name in logs, metrics and `weir show`'),
  bind: key(
    readBy(parseBind).prefault('127.0.0.1:27018'),
    'host:port',
    'where applications connect; port 0 takes any free one',
  ),
  cluster: key(nameText().optional(), 'name', 'the cluster that serves this listener', 'the only cluster'),
  mode: key(
    z.enum(['pool', 'passthrough']).default('pool'),
    '`pool` or `passthrough`',
    'pool: many client connections on few server connections. passthrough: each client connection has one of its own to the only host of the cluster, bytes pass untouched, TLS and logins included, and are read on their way; limits do not apply',
  ),
  face: key(z.enum(['mongos']).default('mongos'), '`mongos`', 'what hello says to drivers'),
  maxConnections: key(
    wholeNumber(1, 1_000_000).optional(),
    'whole number from 1',
    'client connections at once; the next one is closed and counted',
    'the descriptor limit less a reserve',
  ),
  compressors: key(
    z.array(z.enum(COMPRESSORS)).max(COMPRESSORS.length).optional(),
    'list of `snappy`, `zstd`, `zlib`',
    'mode pool only: what a client that asks for compression may have, whatever the server has; replies are compressed where the request was. Empty: nothing',
    'all that are installed',
  ),
  idleTimeout: key(
    readBy(parseDuration).optional(),
    'duration',
    'mode passthrough only: a connection that is silent both ways for so long is closed',
    'none',
  ),
  auth: key(
    z
      .strictObject({ mode: key(z.enum(['none']).default('none'), '`none`', 'clients are not asked who they are') })
      .prefault({}),
    'mapping',
    'how clients log in',
  ),
});

const cluster = z.strictObject({
  name: key(nameText(), 'name', 'name in logs, metrics and for `listeners[].cluster`'),
  uri: key(
    readBy(parseUpstreamUri),
    'mongodb:// uri',
    'the servers. Taken: `replicaSet` (mode pool: checked against hello), `compressors` (mode pool: asked for in this order, such as `snappy,zlib`; without it nothing is compressed towards the server), `connectTimeoutMS` (mode passthrough); harmless: `directConnection`, `appName`, `retryWrites`, `retryReads`, `serverSelectionTimeoutMS`; anything else is an error',
  ),
  pool: key(pool.prefault({}), 'mapping', 'connections to the server'),
});

const limit = z.strictObject({
  name: key(nameText(), 'name', 'name in errors, metrics and `weir show limits`'),
  match: key(
    z
      .strictObject({
        callSite: key(pattern().optional(), 'pattern', 'call site; `*` stands for any text'),
        app: key(pattern().optional(), 'pattern', 'application name of the client'),
        db: key(pattern().optional(), 'pattern', 'database'),
        collection: key(
          pattern()
            .regex(/^[^.]|^$/, 'expected COLLECTION or DATABASE.COLLECTION, found nothing before the dot')
            .regex(/[^.]$|^$/, 'expected COLLECTION or DATABASE.COLLECTION, found nothing after the dot')
            .optional(),
          'pattern',
          'collection. Without `db`, `shop.orders` means database shop, collection orders, and `orders` that collection in any database',
        ),
        command: key(pattern().optional(), 'pattern', 'command name, such as find or update'),
      })
      .prefault({}),
    'mapping',
    'which operations; all given keys must match, none matches everything',
  ),
  per: key(
    z
      .array(z.enum(['app', 'callSite', 'db', 'collection', 'command']))
      .max(5)
      .default([]),
    'list of `app`, `callSite`, `db`, `collection`, `command`',
    'a bucket of its own for each combination of these; empty: one bucket for all',
  ),
  rate: key(readBy(parseRate), 'rate, such as 50/s, 3000/m, 10/h', 'operations let through in the long run'),
  burst: key(
    wholeNumber(1, 10_000_000).optional(),
    'whole number from 1',
    'operations let through at once after a pause',
    'what the rate allows in one second, at least 1',
  ),
  action: key(
    z.enum(['reject']).default('reject'),
    '`reject`',
    'the client gets a MongoDB error that drivers understand',
  ),
  mode: key(
    z.enum(['observe', 'enforce']).default('enforce'),
    '`observe` or `enforce`',
    'observe counts what enforce would refuse and lets it through',
  ),
});

/** The whole file. Defaults: one listener and one cluster on loopback, so that an empty mapping is a working config. */
export const configSchema: z.ZodType<Config> = z.strictObject({
  listeners: key(
    z
      .array(listener)
      .min(1)
      .max(MAX_LISTED)
      .prefault([{ name: 'main' }]),
    'list',
    'where applications connect',
    'one named main',
  ),
  clusters: key(
    z
      .array(cluster)
      .min(1)
      .max(MAX_LISTED)
      .prefault([{ name: 'main', uri: 'mongodb://127.0.0.1:27017' }]),
    'list',
    'the MongoDB deployments',
    'one named main at mongodb://127.0.0.1:27017',
  ),
  limits: key(z.array(limit).max(1000).prefault([]), 'list', 'rate limits, tried in this order'),
  stats: key(
    z
      .strictObject({
        rows: key(
          z
            .strictObject({
              max: key(
                wholeNumber(1, 100_000).default(10_000),
                'whole number from 1 to 100000',
                'rows of app x call site x database x collection x command; what comes later is summed in `other`',
              ),
            })
            .prefault({}),
          'mapping',
          'the table behind the API and `weir show`',
        ),
        callSites: key(
          z
            .strictObject({
              max: key(
                wholeNumber(1, 100_000).default(1000),
                'whole number from 1 to 100000',
                'call sites with series of their own in /metrics; the rest is summed in `other`',
              ),
            })
            .prefault({}),
          'mapping',
          'call sites in /metrics',
        ),
      })
      .prefault({}),
    'mapping',
    'bounds of the statistics',
  ),
  admin: key(
    z
      .strictObject({
        bind: key(
          readBy(parseBindOrOff).prefault('127.0.0.1:9118'),
          'host:port or `off`',
          'where /metrics, the health pages and the API are served; it asks nobody who they are, so keep it on loopback',
        ),
      })
      .prefault({}),
    'mapping',
    'the admin server',
  ),
  log: key(
    z
      .strictObject({
        level: key(
          z.enum(LOG_LEVELS).default('info'),
          LOG_LEVELS.map((level) => `\`${level}\``).join(', '),
          'least severe lines that are written',
        ),
      })
      .prefault({}),
    'mapping',
    'the log on standard output',
  ),
  shutdown: key(
    z
      .strictObject({
        drainTimeout: key(
          readBy(parseDurationOrZero).prefault('10s'),
          'duration',
          'how long running operations may take to end after SIGTERM or SIGINT; 0s does not wait',
        ),
      })
      .prefault({}),
    'mapping',
    'stopping',
  ),
  workers: key(
    z.preprocess((input) => (input === '1' ? 1 : input), z.literal(1)).default(1),
    '1',
    'processes that share the port',
  ),
});
