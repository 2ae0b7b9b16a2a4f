// Two questions: what does OP_COMPRESSED cost for a small command and for a reply of a hundred documents, per algorithm, and
// for how long does a large one block the event loop? Sockets are not measured; `node --expose-gc --import tsx
// bench/micro/compressors.bench.ts` prints nanoseconds and heap bytes per call, and milliseconds for the second question.
// Invariant: what is inflated here was deflated here, so every case reads a valid message.

import { bench, do_not_optimize as keep, run } from 'mitata';
import {
  COMPRESSORS,
  deflate,
  deflateAsync,
  encodeMessage,
  Frame,
  hasCompressor,
  inflate,
  inflateAsync,
  Long,
  loadCompressors,
  REAL_COMPRESSORS,
} from '../../codecs/index.ts';

const batch = Array.from({ length: 100 }, (_, index) => ({
  _id: index,
  name: `name ${index}`,
  tags: ['a', 'b'],
  total: index * 1.5,
}));
const messages: readonly (readonly [string, Buffer])[] = [
  ['find', encodeMessage({ find: 'orders', filter: { state: 'open' }, comment: 'orders.ts:118', $db: 'shop' }, 7, 0)],
  ['100 documents', encodeMessage({ cursor: { firstBatch: batch, id: Long.ZERO, ns: 'shop.orders' }, ok: 1 }, 1, 7)],
];

await loadCompressors();
for (const [what, plain] of messages) {
  for (const name of REAL_COMPRESSORS) {
    if (!hasCompressor(name)) continue;
    const packed = deflate(Frame.of(plain), COMPRESSORS[name]).bytes;
    bench(`deflate ${what}, ${plain.length} -> ${packed.length} bytes, ${name}`, () =>
      keep(deflate(Frame.of(plain), COMPRESSORS[name])),
    );
    bench(`inflate ${what}, ${name}`, () => keep(inflate(Frame.of(packed))));
  }
}

await run();

// --- How long a payload of 4 MB blocks the event loop -----------------------------------------------------------------

const LARGE_BYTES = 4_000_000;
const ROUNDS = 9;

/** Records like those above, of some 80 bytes each. */
function largeMessage(): Buffer {
  const documents: unknown[] = [];
  for (let bytes = 0, index = 0; bytes < LARGE_BYTES; bytes += 80, index++) {
    documents.push({ _id: index, name: `name ${(index * 7919) % 10_007}`, tags: ['a', 'b'], total: index * 1.37 });
  }
  return encodeMessage({ insert: 'orders', documents, $db: 'shop' }, 7, 0);
}

/** Runs the work while the loop turns as fast as it can: the longest turn, milliseconds. */
async function longestTurnMs(work: () => Promise<void>): Promise<number> {
  let [longestMs, isOver] = [0, false];
  const turning = new Promise<void>((resolve) => {
    let lastMs = performance.now();
    const turn = (): void => {
      const nowMs = performance.now();
      longestMs = Math.max(longestMs, nowMs - lastMs);
      lastMs = nowMs;
      if (isOver) resolve();
      else setImmediate(turn);
    };
    turn();
  });
  await new Promise((resolve) => setImmediate(resolve));
  await work();
  isOver = true;
  await turning;
  return longestMs;
}

async function medianTurn(work: () => Promise<void>): Promise<string> {
  const all: number[] = [];
  for (let round = 0; round < ROUNDS; round++) all.push(await longestTurnMs(work));
  return (all.sort((a, b) => a - b)[(ROUNDS - 1) / 2] as number).toFixed(1);
}

const large = Frame.of(largeMessage());
console.log(`\nlongest turn of the event loop, ms, median of ${ROUNDS}, ${large.length} bytes: at once, aside`);
for (const name of REAL_COMPRESSORS) {
  if (!hasCompressor(name)) continue;
  const id = COMPRESSORS[name];
  const outer = Frame.of(deflate(large, id).bytes);
  const works: readonly (() => Promise<void>)[] = [
    async () => void keep(deflate(large, id)),
    async () => new Promise((resolve) => deflateAsync(large, id, () => resolve())),
    async () => void keep(inflate(outer)),
    async () => new Promise((resolve) => inflateAsync(outer, () => resolve())),
  ];
  const turns: string[] = [];
  for (const work of works) turns.push(await medianTurn(work));
  console.log(`${name}: deflate ${turns[0]}, ${turns[1]}; inflate ${turns[2]}, ${turns[3]}`);
}
