// Commands about the server itself: hello in its three spellings, ping, buildInfo and what shells ask on start.
// Invariant: nothing here claims to be a database; buildInfo and getLog say what the sandbox is.

import type { CommandFamily, CommandRequest, ServerState } from '../command.ts';
import { type Doc, Long, MAX_DOCUMENT_BYTES, MAX_MESSAGE_BYTES, MAX_WRITE_BATCH, ObjectId } from '../documents.ts';
import { CommandError } from '../errors.ts';

/** The sentence the command line prints and buildInfo carries. */
export const SANDBOX_NOTICE: string =
  'a sandbox for tests and demos, not a database: everything is in memory, one process, no users, no transactions, no indexes but unique ones';

/** MongoDB 8.0, whose commands the sandbox knows the most used part of. */
const WIRE_VERSION = 25;
const VERSION = '8.0.0';

function hello(request: CommandRequest, server: ServerState): Doc {
  const isLegacy = request.name !== 'hello';
  return {
    ...(request.command['helloOk'] === true ? { helloOk: true } : {}),
    ...(isLegacy ? { ismaster: true } : { isWritablePrimary: true }),
    ...(server.replicaSet === null ? {} : memberFields(server, server.replicaSet)),
    topologyVersion: { processId: server.processId, counter: Long.ZERO },
    maxBsonObjectSize: MAX_DOCUMENT_BYTES,
    maxMessageSizeBytes: MAX_MESSAGE_BYTES,
    maxWriteBatchSize: MAX_WRITE_BATCH,
    localTime: new Date(server.clock.wallMs()),
    logicalSessionTimeoutMinutes: 30,
    connectionId: request.client.connectionId,
    minWireVersion: 0,
    maxWireVersion: WIRE_VERSION,
    readOnly: false,
  };
}

function memberFields(server: ServerState, setName: string): Doc {
  return {
    setName,
    setVersion: 1,
    secondary: false,
    hosts: [server.address],
    primary: server.address,
    me: server.address,
    electionId: new ObjectId('7fffffff0000000000000001'),
    lastWrite: { lastWriteDate: new Date(server.clock.wallMs()) },
  };
}

function buildInfo(): Doc {
  return {
    version: VERSION,
    versionArray: [8, 0, 0, 0],
    gitVersion: 'none',
    modules: ['sandbox'],
    notice: SANDBOX_NOTICE,
    allocator: 'none',
    javascriptEngine: 'none',
    sysInfo: 'deprecated',
    bits: 64,
    debug: false,
    maxBsonObjectSize: MAX_DOCUMENT_BYTES,
    storageEngines: ['ephemeral'],
  };
}

function serverStatus(_request: CommandRequest, server: ServerState): Doc {
  const upMs = server.clock.nowMs() - server.startedMs;
  return {
    host: server.address,
    version: VERSION,
    process: 'sandbox',
    pid: Long.ZERO,
    uptime: Math.floor(upMs / 1000),
    uptimeMillis: Long.fromNumber(Math.floor(upMs)),
    localTime: new Date(server.clock.wallMs()),
    connections: { current: server.connections(), available: 10_000 },
    storageEngine: { name: 'ephemeral', persistent: false },
    metrics: { cursor: { open: { total: server.cursors.size } } },
  };
}

function getParameter({ command }: CommandRequest): Doc {
  const known: Doc = { featureCompatibilityVersion: { version: '8.0' } };
  if (command['getParameter'] === '*') return known;
  const asked = Object.keys(command).filter((key) => Object.hasOwn(known, key));
  if (asked.length === 0) throw new CommandError(72, 'no option found to get');
  return Object.fromEntries(asked.map((key) => [key, known[key]]));
}

function getLog({ command }: CommandRequest): Doc {
  if (command['getLog'] === '*') return { names: ['startupWarnings'] };
  const isWarnings = command['getLog'] === 'startupWarnings';
  const line = JSON.stringify({ t: { $date: new Date(0).toISOString() }, s: 'W', c: 'CONTROL', msg: SANDBOX_NOTICE });
  return { totalLinesWritten: isWarnings ? 1 : 0, log: isWarnings ? [line] : [] };
}

function refuseLogin(): Doc {
  throw new CommandError(18, 'the sandbox has no users: connect without credentials');
}

export const handshakeCommands: CommandFamily = {
  hello,
  isMaster: hello,
  ismaster: hello,
  ping: () => ({}),
  buildInfo,
  buildinfo: buildInfo,
  whatsmyuri: ({ client }) => ({ you: client.remote }),
  connectionStatus: () => ({ authInfo: { authenticatedUsers: [], authenticatedUserRoles: [] } }),
  serverStatus,
  getParameter,
  getLog,
  getCmdLineOpts: () => ({ argv: ['sandbox'], parsed: {} }),
  hostInfo: (_request, server) => ({ system: { hostname: server.address }, os: {}, extra: {} }),
  saslStart: refuseLogin,
  saslContinue: refuseLogin,
  authenticate: refuseLogin,
};
