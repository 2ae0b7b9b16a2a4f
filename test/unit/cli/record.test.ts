// `weir record` against an HTTP server that answers as told.
// Does not record. Invariant: what was received is kept, however it ended; no file is written over.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { run } from '../../../src/cli/program.ts';
import { eventually } from '../../integration/harness/eventually.ts';
import { recordedIo } from './recorded-io.ts';

const BODY = '# weir conversation 1\n\n+1.000 1 open main -\n';
const ENDED = '# ended: seconds, 3 connections, 40 characters\n';

let folder: string;
let server: Server;
let admin: string;
let asked = '';
let answer: (response: ServerResponse) => void;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weir-record-'));
  server = createServer((request, response) => {
    asked = request.url ?? '';
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  admin = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

after(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

async function record(...flags: string[]): Promise<{ code: number; out: string[]; err: string }> {
  const io = recordedIo();
  const code = await run(['record', '--admin', admin, ...flags], io);
  assert.equal(io.listeners(), 0);
  return { code, out: io.outLines, err: io.errLines.join('\n') };
}

test('asks with its flags and prints what comes', async () => {
  answer = (response) => response.end(BODY + ENDED);
  const flags = ['--seconds', '5', '--connections', '7', '--client', '10.0.0.1', '--raw'];
  const { code, out, err } = await record(...flags);
  assert.equal(asked, '/api/v1/record?seconds=5&connections=7&client=10.0.0.1&raw=1');
  assert.deepEqual(out, (BODY + ENDED).trimEnd().split('\n'));
  assert.deepEqual([code, err], [0, 'weir: recorded 3 connections to standard output: the time was over']);
});

test('writes a file that only its owner reads, and never over another', async () => {
  answer = (response) => response.end(BODY + ENDED);
  const file = join(folder, 'one.txt');
  const { code, out, err } = await record('--out', file);
  assert.equal(asked, '/api/v1/record?seconds=10&connections=20');
  assert.deepEqual([code, out, readFileSync(file, 'utf8')], [0, [], BODY + ENDED]);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.match(err, /recorded 3 connections to .*one\.txt: the time was over/);
  writeFileSync(file, 'precious');
  const again = await record('--out', file);
  assert.deepEqual([again.code, readFileSync(file, 'utf8')], [1, 'precious']);
  assert.match(again.err, /^weir: --out .*one\.txt: exists; give another name$/);
  const nowhere = await record('--out', join(folder, 'none', 'two.txt'));
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.err, /cannot be written \(ENOENT\)/);
});

test('a connection that breaks leaves what came', async () => {
  answer = (response) => {
    response.write(BODY, () => response.destroy());
  };
  const file = join(folder, 'broken.txt');
  const { code, err } = await record('--out', file);
  assert.deepEqual([code, readFileSync(file, 'utf8')], [0, BODY]);
  assert.match(err, /until it was interrupted$/);
});

test('a signal ends it and keeps what came', async () => {
  answer = (response) => void response.write(BODY);
  const file = join(folder, 'signal.txt');
  const io = recordedIo();
  const code = run(['record', '--admin', admin, '--out', file], io);
  await eventually('bytes in the file', () => statSync(file, { throwIfNoEntry: false })?.size === BODY.length);
  io.send('SIGINT');
  assert.deepEqual([await code, readFileSync(file, 'utf8')], [0, BODY]);
});

describe('refusals are one sentence', () => {
  const cases: readonly (readonly [string, number, string, number, RegExp])[] = [
    ['wrong seconds', 400, '{"error":"seconds must be a number"}', 1, /^weir: seconds must be a number$/],
    ['another recording', 409, '{"error":"another recording runs"}', 2, /^weir: another recording runs$/],
    ['somebody else', 404, '<html>', 2, /^weir: what answers at .* \(HTTP 404\) is not this weir's API/],
  ];
  for (const [name, status, body, exitCode, sentence] of cases) {
    test(name, async () => {
      answer = (response) => response.writeHead(status).end(body);
      const { code, err } = await record();
      assert.equal(code, exitCode);
      assert.match(err, sentence);
    });
  }

  test('nobody there, or no address', async () => {
    const io = recordedIo();
    assert.equal(await run(['record', '--admin', '127.0.0.1:1'], io), 2);
    assert.equal(await run(['record', '--admin', 'nonsense'], io), 1);
    assert.match(io.errLines.join('\n'), /no weir answers at 127\.0\.0\.1:1.*\nweir: --admin:/);
  });
});
