// The thread for large zstd payloads: there and back, one that dies, hangs, refuses or never comes up, a full queue, and a
// process that ends by itself. Does not test zstd. Invariant: every job is told of once, and never before work() returned.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { THREAD_PATIENCE_MS, ZstdThread } from '../../../codecs/zstd-thread.ts';
import { ZSTD_WORKER_CODE } from '../../../codecs/zstd-worker.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const MAX_WAITING = 256;
const ECHO = Buffer.from([0, 7, 7]);
const EXITS = Buffer.from([1]);
const HANGS = Buffer.from([2]);
const THROWS = Buffer.from([3]);
const REFUSES = Buffer.from([4]);

/** A thread that does what the first byte of a job says, and echoes the rest with the size in front. */
const SCRIPTED = `
  const { parentPort } = require('node:worker_threads');
  parentPort.on('message', ({ bytes, size }) => {
    if (bytes[0] === 1) process.exit(0);
    while (bytes[0] === 2) ;
    if (bytes[0] === 3) throw new Error('planted');
    parentPort.postMessage({ kind: 'done', bytes: bytes[0] === 4 ? null : Uint8Array.of(size ?? 0, ...bytes) });
  });
  parentPort.postMessage({ kind: 'ready' });
`;
const LIBRARY = import.meta.resolve('@bokuweb/zstd-wasm');

/** What became of a job: hex of its bytes, or the error's text. */
async function outcome(thread: ZstdThread, payload: Buffer, size: number | null = 5): Promise<string> {
  return new Promise((resolve) => {
    let isLater = false;
    let calls = 0;
    thread.work(payload, size, (error, bytes) => {
      assert.ok(isLater, 'done was called before work() returned');
      calls += 1;
      assert.equal(calls, 1);
      resolve(bytes?.toString('hex') ?? (error instanceof Error ? error.message : 'neither'));
    });
    isLater = true;
  });
}

function makeThread(code: string = SCRIPTED, library: string = LIBRARY): { thread: ZstdThread; clock: FakeClock } {
  const workHere = (payload: Buffer, size: number | null): Buffer => {
    if (payload.equals(REFUSES)) throw new Error('refused here');
    return Buffer.from(`here ${String(size)}`);
  };
  const thread = new ZstdThread({ workHere, library, code });
  const clock = new FakeClock();
  thread.watch(clock);
  return { thread, clock };
}

const HERE = Buffer.from('here 5').toString('hex');
const ENDED = 'the zstd thread ended';

test('the real thread: there and back, and its input stays as it was', async () => {
  const thread = new ZstdThread({ workHere: () => assert.fail('worked on here'), library: LIBRARY });
  const plain = Buffer.from('weir '.repeat(100_000));
  const shared = Buffer.concat([Buffer.alloc(100), plain, Buffer.alloc(100)]);
  const packed = await outcome(thread, shared.subarray(100, 100 + plain.length), null);
  assert.ok(packed.length < 10_000);
  assert.ok(shared.subarray(100, 100 + plain.length).equals(plain));
  const frame = Buffer.from(packed, 'hex');
  const results = await Promise.all([
    outcome(thread, frame, plain.length),
    outcome(thread, Buffer.from('no zstd at all'), 10),
    outcome(thread, frame, plain.length),
  ]);
  const whole = plain.toString('hex');
  assert.ok(results[0] === whole && results[2] === whole);
  assert.equal(results[1], 'zstd refused the payload');
});

test('jobs are answered in their order, one at a time', async () => {
  const { thread, clock } = makeThread();
  const order: number[] = [];
  const jobs = Array.from({ length: 20 }, async (_, index) => {
    assert.equal(await outcome(thread, Buffer.from([0, index]), null), Buffer.from([0, 0, index]).toString('hex'));
    order.push(index);
  });
  assert.equal(clock.timers, 1);
  await Promise.all(jobs);
  assert.deepEqual(order, [...Array(20).keys()]);
  assert.equal(clock.timers, 0);
});

for (const [how, job] of [
  ['ends', EXITS],
  ['throws', THROWS],
] as const) {
  test(`a thread that ${how} fails what it held; what waits and the next use get a new one`, async () => {
    const { thread } = makeThread();
    const results = await Promise.all([outcome(thread, ECHO), outcome(thread, job), outcome(thread, ECHO)]);
    assert.deepEqual(results, ['05000707', ENDED, '05000707']);
    assert.equal(await outcome(thread, job), ENDED);
    assert.equal(await outcome(thread, ECHO), '05000707');
  });
}

test('a thread that hangs is ended after twice its patience, and what waits gets a new one', async () => {
  const { thread, clock } = makeThread();
  assert.equal(await outcome(thread, ECHO), '05000707');
  const hanging = outcome(thread, HANGS);
  const waiting = outcome(thread, ECHO);
  clock.advance(THREAD_PATIENCE_MS);
  assert.equal(clock.timers, 1, 'the first time it is given another chance');
  clock.advance(THREAD_PATIENCE_MS);
  assert.equal(await hanging, ENDED);
  assert.equal(await waiting, '05000707');
  assert.equal(clock.timers, 0);
});

test('a refusal is an error, and the thread goes on', async () => {
  const { thread } = makeThread();
  assert.equal(await outcome(thread, REFUSES), 'zstd refused the payload');
  assert.equal(await outcome(thread, ECHO), '05000707');
});

test('where no thread comes up the work is done here', async () => {
  for (const make of [
    () => makeThread('process.exit(1)'),
    () => makeThread('no JavaScript'),
    () => makeThread(ZSTD_WORKER_CODE, new URL('absent-module.js', import.meta.url).href),
  ]) {
    const { thread, clock } = make();
    assert.deepEqual(await Promise.all([outcome(thread, ECHO), outcome(thread, ECHO), outcome(thread, REFUSES)]), [
      HERE,
      HERE,
      'refused here',
    ]);
    assert.equal(clock.timers, 0);
  }
});

test('one that never says it is ready is given up, and the work is done here', async () => {
  const { thread, clock } = makeThread('while (true) ;');
  const result = outcome(thread, ECHO);
  clock.advance(2 * THREAD_PATIENCE_MS);
  assert.equal(await result, HERE);
});

test('where a second thread cannot be had, all that waits is done here', async () => {
  const library: { text: string; bad?: () => void } = { text: LIBRARY };
  const { thread } = makeThread(SCRIPTED, library as unknown as string);
  assert.equal(await outcome(thread, ECHO), '05000707');
  // A function cannot be handed to a thread: asking for one throws, as it does where there may be none.
  library.bad = () => undefined;
  const results = await Promise.all([outcome(thread, EXITS), outcome(thread, ECHO), outcome(thread, ECHO)]);
  assert.deepEqual(results, [ENDED, HERE, HERE]);
});

test('beyond the queue, in jobs and in bytes, the work is done here; an empty queue holds as much again', async () => {
  for (const [fits, size] of [
    [MAX_WAITING, 5],
    [4, 48_000_000],
  ] as const) {
    const { thread, clock } = makeThread();
    assert.equal(await outcome(thread, ECHO), '05000707');
    for (let round = 0; round < 2; round++) {
      const hanging = outcome(thread, HANGS);
      const waiting = Array.from({ length: fits }, async () => outcome(thread, REFUSES, size));
      assert.equal(await outcome(thread, ECHO, size), Buffer.from(`here ${String(size)}`).toString('hex'));
      clock.advance(2 * THREAD_PATIENCE_MS);
      assert.equal(await hanging, ENDED);
      assert.deepEqual(new Set(await Promise.all(waiting)), new Set(['zstd refused the payload']));
    }
  }
});

test('a job keeps the process alive, the thread does not', async () => {
  const module = new URL('../../../codecs/zstd-thread.ts', import.meta.url).href;
  const code = `
    import { ZstdThread } from '${module}';
    const thread = new ZstdThread({ workHere: () => Buffer.alloc(0), library: '${LIBRARY}' });
    thread.work(Buffer.alloc(1_000_000), null, (error, bytes) => console.log('came', bytes.length > 9, String(error)));
  `;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', code];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
  assert.equal(stdout, 'came true null\n');
});
