// `weir start` with a proxy made of promises: signals, deadlines, failures to start. Opens no port.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CliFailure } from '../../../src/cli/failure.ts';
import { type Launch, type RunningWeir, runStart, type StartParts } from '../../../src/cli/start.ts';
import type { StartFlags } from '../../../src/cli/start-options.ts';
import type { Logger } from '../../../src/core/logger.ts';
import type { WeirOptions } from '../../../src/options.ts';
import { type RecordedIo, recordedIo } from './recorded-io.ts';

interface Scene {
  readonly io: RecordedIo;
  readonly calls: string[];
  readonly lines: string[];
  readonly ended: Promise<number>;
  options(): WeirOptions | undefined;
  /** Resolves when `line` was logged. */
  logged(line: RegExp): Promise<void>;
}

const UP = { upstreamReachable: true, upstreamLogin: 'none' } as const;

interface SceneOptions {
  readonly flags?: StartFlags;
  readonly files?: Readonly<Record<string, string>>;
  readonly weir?: Partial<RunningWeir>;
  readonly launch?: Launch;
  readonly parts?: StartParts;
}

function play({ flags = {}, files = {}, weir = {}, launch, parts = {} }: SceneOptions): Scene {
  const io = recordedIo(files);
  const calls: string[] = [];
  const lines: string[] = [];
  const waiting: { readonly pattern: RegExp; readonly found: () => void }[] = [];
  let options: WeirOptions | undefined;
  const log = (_fields: unknown, line: string): void => {
    lines.push(line);
    for (const { pattern, found } of waiting) if (pattern.test(line)) found();
  };
  const logger: Logger = { debug: log, info: log, warn: log, error: log };
  const startFake: Launch = async (given) => {
    options = given;
    return {
      listeners: [{ name: 'main', host: '127.0.0.1', port: 4711 }],
      adminAddress: { host: '127.0.0.1', port: 4712 },
      snapshots: { summary: () => UP },
      drainAsked: new Promise(() => {}),
      drain: async () => void calls.push('drain'),
      stop: async () => void calls.push('stop'),
      ...weir,
    };
  };
  return {
    io,
    calls,
    lines,
    options: () => options,
    ended: runStart(flags, io, { launch: launch ?? startFake, logger, ...parts }),
    logged: (pattern) =>
      new Promise((found) => {
        if (lines.some((line) => pattern.test(line))) found();
        waiting.push({ pattern, found });
      }),
  };
}

async function failureOf(work: Promise<number>): Promise<readonly [number, string]> {
  try {
    return [await work, 'did not fail'];
  } catch (error) {
    assert.ok(error instanceof CliFailure, String(error));
    return [error.exitCode, error.message];
  }
}

function systemError(code: string, port: number, address = '127.0.0.1'): Launch {
  return async () => {
    throw Object.assign(new Error(`listen ${code}`), { code, port, address });
  };
}

describe('weir start', () => {
  it('says where it listens, drains on SIGTERM, and ends with 0', async () => {
    const scene = play({});
    await scene.logged(/metrics/);
    assert.deepEqual(scene.lines, [
      'listening on mongodb://127.0.0.1:4711',
      'metrics at http://127.0.0.1:4712/metrics, api at http://127.0.0.1:4712/api/v1/summary',
    ]);
    scene.io.send('SIGTERM');
    assert.equal(await scene.ended, 0);
    assert.deepEqual(scene.calls, ['drain', 'stop']);
    assert.deepEqual(scene.lines.slice(2), ['draining', 'stopped']);
    assert.equal(scene.io.listeners(), 0);
  });

  it('drains on SIGINT too, and ends with 130', async () => {
    const scene = play({ weir: { adminAddress: null } });
    await scene.logged(/listening/);
    scene.io.send('SIGINT');
    assert.equal(await scene.ended, 130);
    assert.deepEqual(scene.calls, ['drain', 'stop']);
  });

  it('ends with 0 when a drain was asked for, after the time that was given', async () => {
    let ask = (_timeoutMs: number): void => {};
    const drainAsked = new Promise<number>((resolve) => {
      ask = resolve;
    });
    const scene = play({ weir: { drainAsked, drain: () => new Promise(() => {}) }, parts: { stopGraceMs: 1 } });
    await scene.logged(/listening/);
    ask(1);
    assert.equal(await scene.ended, 0);
    assert.deepEqual(scene.calls, ['stop']);
    assert.deepEqual(scene.lines.slice(-3), ['draining', 'the drain deadline passed, closing what is left', 'stopped']);
  });

  it('a signal while it drains on demand changes nothing, a second one ends it at once', async () => {
    const scene = play({ weir: { drainAsked: Promise.resolve(60_000), drain: () => new Promise(() => {}) } });
    await scene.logged(/draining/);
    scene.io.send('SIGTERM');
    scene.io.send('SIGTERM');
    assert.equal(await scene.ended, 143);
    assert.deepEqual(scene.calls, []);
  });

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`ends at once with ${code} when ${signal} comes while it drains`, async () => {
      const scene = play({ weir: { drain: () => new Promise(() => {}) } });
      await scene.logged(/listening/);
      scene.io.send('SIGTERM');
      await scene.logged(/draining/);
      scene.io.send(signal);
      assert.equal(await scene.ended, code);
      assert.deepEqual(scene.calls, []);
    });
  }

  it('stops when the drain deadline has passed, even if stopping hangs', async () => {
    const scene = play({
      files: { 'a.yaml': 'shutdown: {drainTimeout: 1ms}' },
      flags: { config: 'a.yaml' },
      weir: { drain: () => new Promise(() => {}), stop: () => new Promise(() => {}) },
      parts: { stopGraceMs: 1 },
    });
    await scene.logged(/listening/);
    scene.io.send('SIGTERM');
    assert.equal(await scene.ended, 0);
    assert.deepEqual(scene.lines.slice(-2), [
      'the drain deadline passed, closing what is left',
      'stopped without closing everything',
    ]);
  });

  it('puts flags over the file', async () => {
    const scene = play({
      files: { 'a.yaml': 'clusters: [{name: a, uri: mongodb://a, pool: {maxConnections: 3}}]' },
      flags: { config: 'a.yaml', maxUpstream: '8', listen: '127.0.0.1:0', admin: 'off' },
    });
    await scene.logged(/listening/);
    scene.io.send('SIGTERM');
    await scene.ended;
    const options = scene.options();
    assert.deepEqual(options?.clusters[0]?.seeds, [{ host: 'a', port: 27017 }]);
    assert.equal(options?.clusters[0]?.pool.maxConnections, 8);
    assert.deepEqual([options?.listeners[0]?.bind, options?.admin], [{ host: '127.0.0.1', port: 0 }, null]);
  });

  const configFailures: readonly (readonly [string, number, string])[] = [
    ['log: {levle: info}', 1, 'a.yaml:1:7: unknown key "levle", did you mean "level"?'],
    [
      'clusters: [{name: a, uri: "mongodb://u:p@a/?authMechanism=PLAIN"}]',
      2,
      'a.yaml:1:27: refused: authMechanism=PLAIN is not built yet',
    ],
    [
      'clusters: [{name: a, uri: "mongodb://u:p@a/?authMechanism=PLAIN"}]\nworker: 1',
      1,
      'a.yaml:1:27: refused: authMechanism=PLAIN is not built yet\na.yaml:2:1: unknown key "worker", did you mean "workers"?',
    ],
  ];
  for (const [text, code, message] of configFailures) {
    it(`ends with ${code} on ${JSON.stringify(text)}`, async () => {
      const scene = play({ files: { 'a.yaml': text }, flags: { config: 'a.yaml' } });
      assert.deepEqual(await failureOf(scene.ended), [code, message]);
    });
  }

  const listenFailures: readonly (readonly [Launch, string])[] = [
    [
      systemError('EADDRINUSE', 27018),
      'weir: cannot listen on 127.0.0.1:27018: the port is taken; stop the process that holds it or choose another port with --listen',
    ],
    [
      systemError('EADDRINUSE', 9118),
      'weir: cannot listen on 127.0.0.1:9118: the port is taken; stop the process that holds it or choose another port with --admin',
    ],
    [
      systemError('EACCES', 27018),
      'weir: cannot listen on 127.0.0.1:27018: this user may not use that port; choose one above 1023 with --listen',
    ],
    [
      systemError('EADDRNOTAVAIL', 27018),
      'weir: cannot listen on 127.0.0.1:27018: this machine has no such address; choose another with --listen',
    ],
    [
      async () => {
        throw new Error('out of luck');
      },
      'weir: cannot start: out of luck',
    ],
  ];
  for (const [launch, message] of listenFailures) {
    it(`explains: ${message}`, async () => {
      const scene = play({ launch });
      assert.deepEqual(await failureOf(scene.ended), [2, message]);
      assert.equal(scene.io.listeners(), 0);
    });
  }
});

describe('weir start --require-upstream', () => {
  type Up = ReturnType<RunningWeir['snapshots']['summary']>;
  const DOWN: Up = { upstreamReachable: false, upstreamLogin: 'none' };
  const REFUSED = 'the server refused the login: wrong user name or password';

  /** `summaries` one after the other, the last one for ever. */
  function playRequired(
    summaries: readonly Up[],
    upstream = 'mongodb://a,[::1]:1',
    errors: (string | null)[] = [],
  ): Scene {
    let asked = 0;
    return play({
      flags: { requireUpstream: true, upstream },
      weir: {
        snapshots: {
          summary: () => summaries[Math.min(asked++, summaries.length - 1)] ?? UP,
          servers: () => errors.map((lastError, index) => ({ address: `h${index}`, lastError })),
        },
      },
      parts: { upstreamWaitMs: summaries.length > 1 ? 60_000 : 1 },
    });
  }

  const waits: readonly (readonly [string, readonly Up[]])[] = [
    ['the first answer of a server', [DOWN, DOWN, UP]],
    [
      'the first login',
      [
        { ...DOWN, upstreamLogin: 'pending' },
        { ...UP, upstreamLogin: 'pending' },
        { ...UP, upstreamLogin: 'works' },
      ],
    ],
  ];
  for (const [what, summaries] of waits) {
    it(`waits for ${what}`, async () => {
      const scene = playRequired(summaries);
      await scene.logged(/metrics/);
      scene.io.send('SIGTERM');
      assert.equal(await scene.ended, 0);
    });
  }

  it('ends with 2 as soon as the login is refused, and says why once', async () => {
    const pending: Up = { ...UP, upstreamLogin: 'pending' };
    const refused: Up = { ...UP, upstreamLogin: 'refused' };
    const scene = playRequired([pending, refused], 'mongodb://u:hunter2@a,b', [REFUSED, REFUSED]);
    const message = `weir: cannot log in at a:27017, b:27017 (${REFUSED}); correct the login, or leave --require-upstream out`;
    assert.deepEqual(await failureOf(scene.ended), [2, message]);
    assert.deepEqual(scene.calls, ['stop']);
  });

  const SILENT = 'nothing came back yet: is the host right, and does it speak TLS at this port?';
  const failures: readonly (readonly [string, Up, string, (string | null)[], string])[] = [
    [
      'nobody answers',
      DOWN,
      'mongodb://a,[::1]:1',
      [],
      'no server answered at a:27017, [::1]:1; start it, correct --upstream',
    ],
    [
      'each server has its reason',
      DOWN,
      'mongodb://a,b,c',
      ['ECONNREFUSED', null, 'connect_timeout'],
      'no server answered at a:27017, b:27017, c:27017 (ECONNREFUSED; connect_timeout); start it, correct --upstream',
    ],
    [
      'a server is silent to TLS',
      DOWN,
      'mongodb://a/?tls=true',
      [null],
      `no server answered at a:27017 (${SILENT}); start it, correct --upstream`,
    ],
    [
      'TLS failed',
      DOWN,
      'mongodb://a/?tls=true',
      ['the certificate is bad'],
      'no server answered at a:27017 (the certificate is bad); start it, correct --upstream',
    ],
    [
      'a login takes too long',
      { ...UP, upstreamLogin: 'pending' },
      'mongodb://a',
      [null],
      'cannot log in at a:27017 (no answer yet); correct the login',
    ],
    [
      'a name is looked up in vain',
      DOWN,
      'mongodb+srv://a.b.c/?tls=false',
      [],
      'no server answered at a.b.c; start it, correct --upstream',
    ],
  ];
  for (const [what, summary, upstream, errors, message] of failures) {
    it(`ends with 2 when ${what}`, async () => {
      const scene = playRequired([summary], upstream, errors);
      const whole = `weir: ${message}, or leave --require-upstream out`;
      assert.deepEqual(await failureOf(scene.ended), [2, whole]);
      assert.deepEqual(scene.calls, ['stop']);
    });
  }
});
