// One question: what does reading one message cost on the data path?
// Does not measure sockets; `node --expose-gc --import tsx bench/micro/codecs.bench.ts` prints nanoseconds and heap bytes per call,
// beside bson's own deserializer, which decodes every value.
// Invariant: every case reads bytes that a driver sends, in frames made anew where the code makes them anew.

import { bench, do_not_optimize as keep, run } from 'mitata';
import {
  Double,
  deserialize,
  encodeMessage,
  Frame,
  Framer,
  Long,
  readCommand,
  readReply,
  UUID,
} from '../../codecs/index.ts';

const lsid = { id: new UUID() };
const find = encodeMessage(
  {
    find: 'orders',
    filter: { customer: 'c-1042', state: 'open' },
    limit: 20,
    comment: 'orders.ts:118 rid=7f3a9c',
    lsid,
    $db: 'shop',
  },
  7,
  0,
);
const insert = encodeMessage(
  { insert: 'orders', ordered: true, lsid, txnNumber: Long.fromNumber(4), documents: [{ a: 1 }], $db: 'shop' },
  8,
  0,
);
const filterComment = encodeMessage(
  { find: 'orders', filter: { a: 1, $comment: 'orders.ts:118' }, lsid, $db: 'shop' },
  9,
  0,
);
const batch = Array.from({ length: 100 }, (_, index) => ({
  _id: index,
  name: `name ${index}`,
  tags: ['a', 'b'],
  total: index * 1.5,
}));
const cursorReply = encodeMessage(
  { cursor: { firstBatch: batch, id: Long.fromNumber(77), ns: 'shop.orders' }, ok: new Double(1) },
  1,
  7,
);
const writeReply = encodeMessage({ n: 1, nModified: 1, ok: new Double(1) }, 1, 7);
const stream = Buffer.concat(Array.from({ length: 32 }, () => find));

bench(`readCommand find, ${find.length} bytes`, () => keep(readCommand(Frame.of(find))));
bench('bson deserialize of the same find', () => keep(deserialize(readCommand(Frame.of(find)).body)));
bench('readCommand insert with txnNumber', () => keep(readCommand(Frame.of(insert))));
bench('readCommand find with $comment in the filter', () => keep(readCommand(Frame.of(filterComment))));
bench('readReply of a write', () => keep(readReply(Frame.of(writeReply))));
bench(`readReply of 100 documents, ${cursorReply.length} bytes`, () => keep(readReply(Frame.of(cursorReply))));
bench('bson deserialize of the same reply', () => keep(deserialize(readReply(Frame.of(cursorReply)).body)));
bench('framer, 32 frames in one chunk', () => {
  const framer = new Framer({ onFrame: (frame) => keep(frame) });
  framer.push(stream);
});

await run();
