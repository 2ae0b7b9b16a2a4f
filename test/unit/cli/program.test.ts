// The command line as a whole: every wrong command line is one line and an exit code. Starts no process.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { run } from '../../../src/cli/program.ts';
import { recordedIo } from './recorded-io.ts';

interface Ran {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

async function weir(args: readonly string[], files: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const io = recordedIo(files);
  const code = await run(args, io);
  return { code, out: io.outLines, err: io.errLines };
}

describe('weir', () => {
  it('prints its version', async () => {
    const manifest: unknown = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
    assert.ok(manifest !== null && typeof manifest === 'object' && 'version' in manifest);
    assert.deepEqual(await weir(['--version']), { code: 0, out: [manifest.version], err: [] });
  });

  it('prints help without the verbs that are not built', async () => {
    const { code, out, err } = await weir(['--help']);
    assert.deepEqual([code, err], [0, []]);
    const help = out.join('\n');
    for (const verb of ['start', 'sandbox', 'demo', 'check', 'show', 'pause', 'drain', 'kill', 'decode'])
      assert.match(help, new RegExp(`\\n  ${verb} `));
    assert.doesNotMatch(help, /\n {2}(?:top|diff|reload|user) /);
  });

  const failures: readonly (readonly [string, number, string])[] = [
    ['', 1, 'weir: say what to do, such as weir start; weir --help lists the verbs'],
    ['shwo pools', 1, "weir: unknown command 'shwo' (Did you mean show?)"],
    ['start --nope', 1, "weir: unknown option '--nope' (Did you mean --mode?)"],
    ['start --liste 1', 1, "weir: unknown option '--liste' (Did you mean --listen?)"],
    ['start --listen', 1, "weir: option '--listen <address>' argument missing"],
    [
      'start --listen here',
      1,
      'weir: --listen: expected host:port such as 127.0.0.1:27018 or [::1]:27018, found "here"',
    ],
    ['start --mode fast', 1, 'weir: --mode: expected pool or passthrough, found "fast"'],
    [
      'start --upstream mongodb://a/?loadBalanced=true',
      2,
      'weir: --upstream: refused: loadBalanced=true in the uri: weir must know which server answers; name the servers themselves',
    ],
    ['start --config none.yaml', 1, 'weir: cannot read the config file none.yaml (ENOENT); give its path'],
    ['start extra', 1, "weir: too many arguments for 'start'. Expected 0 arguments but got 1."],
    ['check', 1, "weir: missing required argument 'file'"],
    ['show', 1, "weir: missing required argument 'what'"],
    [
      'show shapes',
      1,
      "weir: command-argument value 'shapes' is invalid for argument 'what'. Allowed choices are pools, clients, servers, cursors, operations, collections, callsites, namespaces, limits.",
    ],
    [
      'show pools --admin 9118',
      1,
      'weir: --admin: expected host:port such as 127.0.0.1:27018 or [::1]:27018, found "9118"',
    ],
    ['sandbox --listen x', 1, 'weir: --listen: expected host:port such as 127.0.0.1:27018 or [::1]:27018, found "x"'],
    ['sandbox --latency -5', 1, 'weir: --latency: expected milliseconds from 0 to 60000'],
    ['sandbox --latency=', 1, 'weir: --latency: expected milliseconds from 0 to 60000'],
    ['demo --seconds soon', 1, 'weir: --seconds: expected a number above 0 and up to 86400'],
    ['demo --seconds 0', 1, 'weir: --seconds: expected a number above 0 and up to 86400'],
    [
      'demo --upstream mongodb://u:p@h/?authMechanism=PLAIN',
      2,
      'weir: --upstream: refused: authMechanism=PLAIN is not built yet',
    ],
    ['top', 1, 'weir: not built yet: top (the live view; use weir show)'],
    ['decode', 1, "weir: missing required argument 'file'"],
    ['kill client', 1, "weir: missing required argument 'id'"],
    [
      'kill cursor 7',
      1,
      "weir: command-argument value 'cursor' is invalid for argument 'what'. Allowed choices are client, operation.",
    ],
    ['user --help', 1, 'weir: not built yet: user (logins of clients)'],
  ];
  for (const [line, code, message] of failures) {
    it(`answers "${line}" with one line and exit code ${code}`, async () => {
      assert.deepEqual(await weir(line === '' ? [] : line.split(' ')), { code, out: [], err: [message] });
    });
  }
});

describe('weir check', () => {
  it('says what a good file holds', async () => {
    const text = 'clusters: [{name: a, uri: !file uri}]\nlimits: [{name: x, rate: 1/s}, {name: y, rate: 1/s}]';
    assert.deepEqual(await weir(['check', '/conf/a.yaml'], { '/conf/a.yaml': text, '/conf/uri': 'mongodb://a\n' }), {
      code: 0,
      out: ['/conf/a.yaml: ok: 1 listener, 1 cluster, 2 limits'],
      err: [],
    });
  });

  it('prints one line per problem and ends with 1, even when weir only refuses', async () => {
    const files = {
      'a.yaml':
        'clusters:\n  - {name: a, uri: mongodb://u:hunter2@h/?authMechanism=GSSAPI}\n  - {name: b, uri: mongodb://h/?loadBalanced=true}\n',
    };
    assert.deepEqual(await weir(['check', 'a.yaml'], files), {
      code: 1,
      out: [],
      err: [
        'a.yaml:2:20: refused: authMechanism=GSSAPI is not built yet',
        'a.yaml:3:20: refused: loadBalanced=true in the uri: weir must know which server answers; name the servers themselves',
      ],
    });
  });
});
