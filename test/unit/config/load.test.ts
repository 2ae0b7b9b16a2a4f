// Loading as a whole: defaults, places, bounds, values from outside. One form of error each is in explain.test.ts.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Config } from '../../../src/config/config.ts';
import { defaultConfig, loadConfig } from '../../../src/config/load.ts';
import { formatProblems } from '../../../src/config/problem.ts';

interface Outside {
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

function problemsOf(text: string, outside: Outside = {}): readonly string[] {
  const result = load(text, outside);
  return result.ok ? [] : formatProblems('f', result.problems);
}

function load(text: string, outside: Outside = {}): ReturnType<typeof loadConfig> {
  return loadConfig({
    text,
    env: outside.env ?? {},
    readFile: (path) => {
      const content = outside.files?.[path];
      if (content === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' });
      return content;
    },
  });
}

function configOf(text: string, outside: Outside = {}): Config {
  const result = load(text, outside);
  assert.ok(result.ok, problemsOf(text, outside).join('\n'));
  return result.config;
}

describe('loadConfig', () => {
  it('takes every default from an empty mapping', () => {
    assert.deepEqual(configOf('{}'), defaultConfig());
    assert.deepEqual(defaultConfig().listeners[0]?.bind, { host: '127.0.0.1', port: 27018 });
    assert.deepEqual(defaultConfig().clusters[0]?.uri.seeds, [{ host: '127.0.0.1', port: 27017 }]);
    assert.deepEqual(defaultConfig().clusters[0]?.pool, {
      maxConnections: 50,
      maxConnecting: 2,
      waitQueueTimeout: 5000,
      maxWaiters: 10_000,
      awaitConnections: 10,
      minConnections: 0,
      maxIdleTime: 600_000,
      maxLifetime: 3_600_000,
      pipelining: 'adaptive',
      weights: {},
      replyBuffer: 1_048_576,
      onClientGone: 'finish',
    });
    assert.deepEqual(defaultConfig().memory, { buffers: 268_435_456 });
    assert.deepEqual(defaultConfig().admin.bind, { host: '127.0.0.1', port: 9118 });
    assert.equal(defaultConfig().shutdown.drainTimeout, 10_000);
  });

  it('reports all problems of a file in the order of the text', () => {
    const text = 'log: {level: loud}\nadmin: {bind: nowhere}\nshutdown: {drainTimeout: soon, x: 1}\n';
    assert.deepEqual(
      problemsOf(text).map((line) => line.split(' ')[0]),
      ['f:1:14:', 'f:2:15:', 'f:3:26:', 'f:3:32:'],
    );
  });

  it('prints 20 problems and the number of the others', () => {
    const text = Array.from({ length: 25 }, (_, index) => `key${index}: 1\n`).join('');
    const lines = problemsOf(text);
    assert.equal(lines.length, 21);
    assert.equal(lines.at(-1), 'f: and 5 more');
  });

  it('points into the aliased value, once, not at the aliases', () => {
    const text =
      'clusters:\n  - name: a\n    uri: mongodb://a\n    pool: &p {maxWaiters: 0}\n  - name: b\n    uri: mongodb://b\n    pool: *p\n';
    assert.deepEqual(problemsOf(text), ['f:4:27: expected at least 1 for "maxWaiters", found 0']);
  });

  it('survives an alias that contains itself', () => {
    assert.deepEqual(problemsOf('listeners: &x [*x]\n'), [
      'f:1:15: expected a mapping for "listeners[]", found a list',
    ]);
  });

  it('refuses a text beyond 1 MiB before parsing it', () => {
    assert.deepEqual(problemsOf(`#${'x'.repeat(1024 * 1024)}`), ['f:1:1: the file is longer than 1048576 characters']);
  });

  it('answers any text with a config or with places inside it', () => {
    const piece = fc.constantFrom(
      'listeners',
      'clusters',
      'pool',
      'name',
      'uri',
      'mongodb://a',
      '!env A',
      '!file a',
      ': ',
      '- ',
      '\n',
      '  ',
      '{',
      '}',
      '[',
      ']',
      ',',
      '&a',
      '*a',
      '"',
      '|',
      '7',
      '\t',
      '?',
      '---\n',
      '%',
      '<<: ',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 3 })), { maxLength: 30 }), (pieces) => {
        const text = pieces.join('');
        const result = load(text, { env: { A: 'x' }, files: { a: 'x' } });
        if (result.ok) return;
        const lineCount = text.split('\n').length;
        assert.ok(result.problems.length > 0);
        for (const problem of result.problems) {
          assert.ok(problem.line >= 1 && problem.line <= lineCount && problem.column >= 1, JSON.stringify(problem));
          assert.ok(!problem.sentence.includes('\n'), problem.sentence);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('values from outside', () => {
  const cluster = (uri: string): string => `clusters: [{name: a, uri: ${uri}}]`;

  it('come from the environment, with numbers as numbers', () => {
    const text = 'clusters: [{name: a, uri: !env URI, pool: {maxConnections: !env CAP}}]';
    const { uri, pool } = configOf(text, { env: { URI: 'mongodb://db:1', CAP: '7' } }).clusters[0] ?? assert.fail();
    assert.deepEqual([uri.seeds, pool.maxConnections], [[{ host: 'db', port: 1 }], 7]);
  });

  it('fall back to the default when unset or empty, even to an empty one', () => {
    const environments: readonly Readonly<Record<string, string>>[] = [{}, { URI: '' }];
    for (const env of environments) {
      const config = configOf(cluster('!env URI:-mongodb://fallback:9'), { env });
      assert.deepEqual(config.clusters[0]?.uri.seeds, [{ host: 'fallback', port: 9 }]);
    }
    assert.equal(problemsOf('log: {level: !env LEVEL:-}').length, 1);
  });

  it('are not found on the prototype of the environment', () => {
    assert.match(problemsOf(cluster('!env toString'))[0] ?? '', /toString is not set/);
  });

  it('come from a file, without its last newline', () => {
    const config = configOf(cluster('!file secrets/uri'), { files: { 'secrets/uri': 'mongodb://db:5\n' } });
    assert.deepEqual(config.clusters[0]?.uri.seeds, [{ host: 'db', port: 5 }]);
  });

  it('may not be huge files', () => {
    const lines = problemsOf(cluster('!file big'), { files: { big: 'x'.repeat(70_000) } });
    assert.deepEqual(lines, ['f:1:27: the file named by !file is longer than 65536 characters']);
  });

  it('are never repeated when they are wrong', () => {
    const secret = 'hunter2';
    const places = [
      'log: {level: !env S}',
      'workers: !env S',
      'stats: {rows: {max: !env S}}',
      'admin: {bind: !env S}',
      'shutdown: {drainTimeout: !env S}',
      'limits: [{name: a, rate: !env S}]',
      'listeners: !env S',
      cluster('!env S'),
    ];
    for (const text of places) {
      const lines = problemsOf(text, { env: { S: secret } });
      assert.equal(lines.length, 1, text);
      assert.doesNotMatch(lines.join(), /hunter2/, text);
    }
  });

  it('are not shown by complaints about the syntax around a secret', () => {
    const quoted = ['a: "\\xhunter2"', 'a: "hunter2'];
    for (const text of ['uri: *hunter2', 'a: ] hunter2', 'a: |hunter2\n  x', '%hunter2\n---\na: 1', ...quoted]) {
      assert.ok(problemsOf(text).length > 0, text);
      assert.doesNotMatch(problemsOf(text).join(), /hu/, text);
    }
  });
});
