// POST /api/v1/{pause,resume,reconnect,drain,kill} over a real socket: who is refused, what is passed on, what is logged.
// It pauses nothing (test/unit/verbs.test.ts does). Invariant tested: what is refused reaches no verb.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type AdminServer, startAdmin } from '../../../src/admin/server.ts';
import { type LogFields, silentLogger } from '../../../src/core/logger.ts';
import type { VerbAnswer, Verbs } from '../../../src/core/verbs.ts';
import { OperationTable } from '../../../src/stats/operation-table.ts';
import { fakeSnapshots } from '../stats/fake-snapshots.ts';

interface Answer {
  readonly status: number;
  readonly allow: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const RIGHT = { 'x-weir': '1', 'content-type': 'application/json' };

const calls: unknown[] = [];
const logged: (readonly [LogFields, string])[] = [];
let answer: VerbAnswer<never> | null = null;

function call(...words: unknown[]): VerbAnswer<never> {
  calls.push(words);
  return answer ?? { kind: 'done', value: { said: words } as never };
}

const verbs: Verbs = {
  pause: (cluster) => call('pause', cluster),
  resume: (cluster) => call('resume', cluster),
  reconnect: (cluster) => call('reconnect', cluster),
  drain: (timeoutMs) => call('drain', timeoutMs),
  killClient: (id) => call('killClient', id),
  killOperation: (id) => call('killOperation', id),
};

function start(host: string, parts: { readonly verbs?: Verbs } = { verbs }): Promise<AdminServer> {
  return startAdmin({
    host,
    port: 0,
    snapshots: fakeSnapshots(),
    table: new OperationTable({ maxRows: 10 }),
    metrics: { render: () => Promise.resolve(Buffer.from('')) },
    isReady: () => true,
    logger: { ...silentLogger, info: (fields, line) => void logged.push([fields, line]) },
    ...parts,
  });
}

function ask({ port }: AdminServer, verb: string, { method = 'POST', headers = RIGHT, body = '{}' }: Asked = {}) {
  return new Promise<Answer>((resolve, reject) => {
    const path = `/api/v1/${verb}`;
    const asked = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        const { allow } = response.headers;
        resolve({ status: response.statusCode ?? 0, allow, body: JSON.parse(text || '{}') as Answer['body'] });
      });
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

let server: AdminServer;

before(async () => {
  server = await start('127.0.0.1');
});

after(() => server.stop());

beforeEach(() => {
  calls.length = 0;
  logged.length = 0;
  answer = null;
});

describe('what is passed on', () => {
  const cases: readonly (readonly [string, string, readonly unknown[]])[] = [
    ['pause', '{}', ['pause', null]],
    ['resume', '{"cluster": "a"}', ['resume', 'a']],
    ['reconnect', '{"cluster": null}', ['reconnect', null]],
    ['drain', '{}', ['drain', null]],
    ['drain', '{"timeoutMs": 0}', ['drain', 0]],
    ['kill', '{"client": 7}', ['killClient', 7]],
    ['kill', '{"operation": "7.12"}', ['killOperation', '7.12']],
  ];
  for (const [verb, body, words] of cases) {
    test(`${verb} ${body}`, async () => {
      const { status, body: said } = await ask(server, verb, { body });
      assert.deepEqual([status, said], [200, { verb, result: { said: words } }]);
      assert.deepEqual(calls, [words]);
      const [fields, line] = logged[0] ?? [{}, ''];
      assert.deepEqual([line, fields['verb']], [`obeyed: ${verb}`, verb]);
      assert.match(String(fields['from']), /^127\.0\.0\.1:\d+$/);
    });
  }

  test('a type with a charset is JSON too', async () => {
    const headers = { ...RIGHT, 'content-type': 'Application/JSON; charset=utf-8' };
    assert.equal((await ask(server, 'pause', { headers })).status, 200);
  });

  test('what cannot be done is told in its own words, and logged', async () => {
    for (const [kind, status] of [
      ['not_found', 404],
      ['conflict', 409],
    ] as const) {
      answer = { kind, sentence: `because of ${kind}` };
      const { status: got, body } = await ask(server, 'kill', { body: '{"client": 7}' });
      assert.deepEqual([got, body], [status, { error: `because of ${kind}` }]);
      assert.deepEqual(logged.at(-1)?.[0], { ...logged.at(-1)?.[0], client: 7, reason: `because of ${kind}` });
    }
  });
});

describe('who is refused', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const cases: readonly (readonly [string, number, RegExp, Asked])[] = [
    ['no X-Weir', 403, /X-Weir/, { headers: { 'content-type': 'application/json' } }],
    ['a form of a web page', 403, /X-Weir/, { headers: form, body: 'cluster=a' }],
    ['text of a web page', 403, /X-Weir/, { headers: { 'content-type': 'text/plain' } }],
    ['a form with X-Weir', 415, /application\/json/, { headers: { ...form, 'x-weir': '1' }, body: 'cluster=a' }],
    ['no type', 415, /application\/json/, { headers: { 'x-weir': '1' } }],
    ['a foreign Host', 403, /Host/, { headers: { ...RIGHT, host: 'evil.example' } }],
    ['a page of another site', 403, /other sites/, { headers: { ...RIGHT, 'sec-fetch-site': 'cross-site' } }],
    ['a page of a neighbour', 403, /other sites/, { headers: { ...RIGHT, 'sec-fetch-site': 'same-site' } }],
    ['a body of 5000 bytes', 413, /4096/, { body: `{"cluster": "${'a'.repeat(5000)}"}` }],
    ['GET', 405, /POST/, { method: 'GET', body: '' }],
    ['PUT', 405, /POST/, { method: 'PUT' }],
    ['a preflight', 405, /POST/, { method: 'OPTIONS', headers: { origin: 'http://evil.example' }, body: '' }],
  ];
  for (const [name, status, sentence, asked] of cases) {
    test(name, async () => {
      const { status: got, body } = await ask(server, 'pause', asked);
      assert.equal(got, status);
      assert.match(String(body['error']), sentence);
      assert.deepEqual(calls, []);
    });
  }

  test('a body without a length that does not end', async () => {
    const headers = { ...RIGHT, 'transfer-encoding': 'chunked' };
    const { status } = await ask(server, 'pause', { headers, body: `{"cluster": "${'a'.repeat(100_000)}"}` });
    assert.deepEqual([status, calls], [413, []]);
  });

  test('everybody, where others reach the address', async () => {
    const open = await start('0.0.0.0');
    const { status, body } = await ask(open, 'pause');
    await open.stop();
    assert.equal(status, 403);
    assert.match(String(body['error']), /loopback only.*0\.0\.0\.0/);
    assert.deepEqual(calls, []);
  });

  test('everybody, where no verbs are given', async () => {
    const deaf = await start('127.0.0.1', {});
    const { status, allow } = await ask(deaf, 'pause');
    await deaf.stop();
    assert.deepEqual([status, allow], [405, 'GET, HEAD']);
  });

  test('a POST anywhere else', async () => {
    for (const path of ['clients', 'pause/', 'nothing']) assert.equal((await ask(server, path)).status, 405, path);
  });
});

describe('words that are wrong', () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['pause', '', /JSON object/],
    ['pause', '[]', /JSON object/],
    ['pause', '"a"', /JSON object/],
    ['pause', '{"cluster": ', /JSON object/],
    ['pause', '{"cluster": 7}', /cluster must be/],
    ['pause', '{"cluster": ""}', /cluster must be/],
    ['pause', '{"custer": "a"}', /'custer'.*cluster/],
    ['pause', '{"__proto__": {}}', /'__proto__'/],
    ['drain', '{"timeoutMs": -1}', /timeoutMs must be/],
    ['drain', '{"timeoutMs": 1.5}', /timeoutMs must be/],
    ['drain', '{"timeoutMs": "30s"}', /timeoutMs must be/],
    ['drain', '{"timeoutMs": 3600001}', /timeoutMs must be/],
    ['drain', '{"timeout": 1}', /'timeout'.*timeoutMs/],
    ['kill', '{}', /either/],
    ['kill', '{"client": 1, "operation": "1.1"}', /either/],
    ['kill', '{"client": "7"}', /client must be/],
    ['kill', '{"client": 0}', /client must be/],
    ['kill', '{"operation": 7.12}', /operation must be/],
    ['kill', '{"operation": "7"}', /operation must be/],
    ['kill', '{"operation": "7.0"}', /operation must be/],
    ['kill', '{"id": 7}', /'id'.*client, operation/],
  ];
  for (const [verb, body, sentence] of cases) {
    test(`${verb} ${body}`, async () => {
      const { status, body: said } = await ask(server, verb, { body });
      assert.equal(status, 400);
      assert.match(String(said['error']), sentence);
      assert.deepEqual(calls, []);
    });
  }
});
