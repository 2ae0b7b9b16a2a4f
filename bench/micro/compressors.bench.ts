// One question: what does OP_COMPRESSED cost for a small command and for a reply of a hundred documents, per algorithm?
// Sockets and threads are not measured; `node --expose-gc --import tsx bench/micro/compressors.bench.ts` prints nanoseconds
// and heap bytes per call. Invariant: what is inflated here was deflated here, so every case reads a valid message.

import { bench, do_not_optimize as keep, run } from 'mitata';
import {
  COMPRESSORS,
  deflate,
  encodeMessage,
  Frame,
  hasCompressor,
  inflate,
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
