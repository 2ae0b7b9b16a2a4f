// Every key of the config, declared once: type, default, bounds and what it means. The reference page, the hints for
// typos and the checks all come from here. It knows no file, no line numbers and no flags.
// Invariant: every key has an entry in `keyDocs` (a test walks the tree).

import { z } from 'zod';
import { clusterSchema } from './cluster-schema.ts';
import { type Config, LOG_LEVELS } from './config.ts';
import { parseBind, parseBindOrOff, parseDuration, parseDurationOrZero, parseRate, parseSize } from './quantities.ts';
import { key, MAX_LISTED, nameText, pattern, readBy, wholeNumber } from './schema-keys.ts';
import { COMPRESSORS } from './upstream-uri.ts';

const ALLOWABLE = ['killAllSessions', 'killAllSessionsByPattern', 'killSessions'] as const;

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
  face: key(
    z.enum(['mongos', 'direct']).default('mongos'),
    '`mongos` or `direct`',
    'mode pool only: what drivers take weir for. mongos: all that they can do. direct: one server without a set; they retry no writes. A client with loadBalanced=true gets the service it wants from both',
  ),
  allow: key(
    z.array(z.enum(ALLOWABLE)).max(ALLOWABLE.length).default([]),
    'list of `killAllSessions`, `killAllSessionsByPattern`, `killSessions`',
    'mode pool only: commands that end sessions of all applications, and are refused otherwise; killSessions is its form without ids',
  ),
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
  slowClientTimeout: key(
    readBy(parseDuration).optional(),
    'duration',
    'mode pool only: a client that leaves more than 1 MB of answers unread and takes nothing for so long is closed. It can make a server connection wait no longer than this either. While `memory.buffers` is spent, a client that sends nothing more of a large request for so long is closed too',
    '10s',
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
      .array(clusterSchema)
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
  memory: key(
    z
      .strictObject({
        buffers: key(
          readBy((text) => parseSize(text, 16_777_216, 1_099_511_627_776)).prefault('256MB'),
          'size such as 256MB or 2GB',
          'mode pool: what the large requests and unread answers of all clients may take. Once it is spent, requests are not read until there is room again',
        ),
      })
      .prefault({}),
    'mapping',
    'bounds of memory',
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
