// The keys of a cluster: where it is, how weir logs in there, and the pool in front of it. Documented like all keys (schema.ts).
// Invariant: it yields exactly ClusterConfig without `pem`.

import { z } from 'zod';
import type { ClusterConfig } from './config.ts';
import { parseDuration, parseDurationOrZero, parseSize } from './quantities.ts';
import { key, MAX_LISTED, nameText, readBy, secretText, wholeNumber } from './schema-keys.ts';
import { MECHANISMS } from './upstream-login.ts';
import { parseUpstreamUri } from './upstream-uri.ts';

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
  minConnections: key(
    wholeNumber(0, 10_000).default(0),
    'whole number from 0',
    'connections that are opened in advance and kept while the server is up; where weir logs in, one at least',
  ),
  maxIdleTime: key(
    readBy(parseDurationOrZero).prefault('10m'),
    'duration',
    'an idle connection beyond minConnections is closed after so long; 0s: never',
  ),
  maxLifetime: key(
    readBy(parseDurationOrZero).prefault('1h'),
    'duration',
    'a connection is replaced at this age, less up to a tenth of it; 0s: never',
  ),
  pipelining: key(
    z.enum(['adaptive', 'off']).default('adaptive'),
    '`adaptive` or `off`',
    'adaptive: with every connection busy, short operations may be written behind others that are short as well, as long as the server keeps up',
  ),
  weights: key(
    z
      .record(z.string().min(1).max(128), wholeNumber(1, 100))
      .refine((weights) => Object.keys(weights).length <= MAX_LISTED, `expected at most ${MAX_LISTED} applications`)
      .default({}),
    'mapping of application name to a whole number from 1 to 100',
    'turns of an application in the queue for a connection, for one of each application that is not named',
  ),
  replyBuffer: key(
    readBy((text) => parseSize(text, 16_384, 67_108_864)).prefault('1MB'),
    'size such as 64KB or 1MB',
    'answers up to this are collected, so that their connection is free before a slow client has taken them; larger ones to reads are passed on as they come',
  ),
  onClientGone: key(
    z.enum(['finish', 'cancel']).default('finish'),
    '`finish` or `cancel`',
    'what happens at the server to a read whose client left: it may finish, or its connection is given up so that the server stops. At most 5 connections at once and one a second, for each server; never a write, a statement of a transaction, or one on a connection that others share',
  ),
});

const auth = z.strictObject({
  username: key(
    z.string().min(1).max(512).optional(),
    'text',
    'user; with MONGODB-X509 only where the certificate is not enough',
  ),
  password: key(secretText(), 'text, best as `!env NAME` or `!file PATH`', 'never shown anywhere'),
  mechanism: key(
    z.enum(MECHANISMS).optional(),
    MECHANISMS.map((mechanism) => `\`${mechanism}\``).join(', '),
    'how weir proves who it is',
    'SCRAM-SHA-256 where the server knows the user by it, else SCRAM-SHA-1',
  ),
  source: key(
    z.string().min(1).max(64).optional(),
    'text',
    'database that holds the user',
    'admin; $external with MONGODB-X509',
  ),
});

const tls = z.strictObject({
  caFile: key(
    z.string().min(1).optional(),
    'path',
    'authorities that may sign the server certificate (PEM)',
    "the system's own",
  ),
  certificateKeyFile: key(
    z.string().min(1).optional(),
    'path',
    "weir's own certificate and its key in one file (PEM)",
    'none',
  ),
  certificateKeyFilePassword: key(secretText(), 'text, best as `!env NAME` or `!file PATH`', 'opens that key', 'none'),
  allowInvalidHostnames: key(
    z.boolean().default(false),
    '`true` or `false`',
    'true: the certificate may be for any host, so anybody with one of these authorities can pass for the server',
  ),
  allowInvalidCertificates: key(
    z.boolean().default(false),
    '`true` or `false`',
    'true: anybody may have signed the certificate, so anybody can pass for the server',
  ),
});

/** One entry of `clusters`. */
export const clusterSchema: z.ZodType<Omit<ClusterConfig, 'pem'>, { name: string; uri: string }> = z.strictObject({
  name: key(nameText(), 'name', 'name in logs, metrics and for `listeners[].cluster`'),
  uri: key(
    readBy(parseUpstreamUri),
    'mongodb:// uri',
    'the servers, as `mongodb://` or `mongodb+srv://`, best as `!env NAME` or `!file PATH` where it holds a password. Taken: `replicaSet`, `directConnection`, `authSource`, `authMechanism`, `tls` and `tlsCAFile`, `tlsCertificateKeyFile`, `tlsCertificateKeyFilePassword`, `tlsAllowInvalidHostnames`, `tlsAllowInvalidCertificates`, `tlsInsecure`, `maxPoolSize`, `minPoolSize`, `maxIdleTimeMS`, `maxConnecting`, `waitQueueTimeoutMS` (these five instead of the keys under `pool`), `heartbeatFrequencyMS`, `localThresholdMS`, `srvServiceName`, `srvMaxHosts`, `compressors` (asked for in this order, such as `snappy,zlib`; without it nothing is compressed towards the server); of all these mode passthrough takes none, but `connectTimeoutMS`. Harmless: `appName`, `retryWrites`, `retryReads`, `serverSelectionTimeoutMS`. Anything else is an error',
  ),
  auth: key(auth.optional(), 'mapping', 'how weir logs in at the servers, unless the uri says it', 'as the uri says'),
  tls: key(
    tls.optional(),
    'mapping',
    'TLS towards the servers, unless the uri says it; `{}` is TLS with all checks',
    'as the uri says',
  ),
  pool: key(pool.prefault({}), 'mapping', 'connections to the server'),
});
