// A followed conversation: every kind of message is one line, and what cannot be read is said in its place.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { COMPRESSORS, deflate, encodeMessage, encodeReply, Frame } from '../../../codecs/index.ts';
import { FollowedConversation, timeText } from '../../../src/cli/decode-follow.ts';
import { CallSites } from '../../../src/filters/call-sites.ts';

function follow(script: (followed: FollowedConversation) => void): string[] {
  const lines: string[] = [];
  script(
    new FollowedConversation({ callSites: new CallSites(), print: (line) => lines.push(line), isCalendar: false }),
  );
  return lines;
}

const find = encodeMessage({ find: 'orders', comment: 'Orders.list', $db: 'shop' }, 7, 0);
const firstBatch = (id: bigint): Buffer =>
  encodeMessage({ cursor: { id, ns: 'shop.orders', firstBatch: [{}, {}] }, ok: 1 }, 8, 7);

describe('a followed conversation', () => {
  it('charges a getMore to whoever opened the cursor', () => {
    const lines = follow((followed) => {
      followed.clientBytes(find, 0);
      followed.serverBytes(firstBatch(99n), 2);
      followed.clientBytes(encodeMessage({ getMore: 99n, collection: 'orders', $db: 'shop' }, 9, 0), 3);
      followed.serverBytes(encodeMessage({ ok: 0, code: 43, codeName: 'CursorNotFound' }, 10, 9), 4.25);
      followed.end(5, 'server');
    });
    assert.deepEqual(lines, [
      `+0.000  >  OP_MSG  #7  find  shop.orders  call site Orders.list  ${find.length} bytes`,
      `+2.000  <  OP_MSG  answers #7  (find)  ok  2 documents  cursor 99  after 2.000 ms  ${firstBatch(99n).length} bytes`,
      '+3.000  >  OP_MSG  #9  getMore  shop.orders  call site Orders.list  80 bytes',
      '+4.250  <  OP_MSG  answers #9  (getMore)  error 43 CursorNotFound  after 1.250 ms  73 bytes',
      '+5.000  <  the server closes',
    ]);
  });

  it('shows both forms of hello, writes without a reply, write errors, streams', () => {
    const lines = follow((followed) => {
      followed.clientBytes(encodeMessage({ insert: 'log', $db: 'shop', documents: [{}] }, 1, 0, 2), 0);
      followed.clientBytes(encodeMessage({ hello: 1, $db: 'admin' }, 2, 0, 0x1_0000), 1);
      followed.serverBytes(encodeMessage({ ok: 1 }, 3, 2, 2), 2);
      followed.serverBytes(encodeMessage({ ok: 1 }, 4, 2), 3);
      followed.clientBytes(encodeMessage({ insert: 'log', $db: 'shop', documents: [{}] }, 5, 0), 4);
      followed.serverBytes(encodeMessage({ n: 0, ok: 1, writeErrors: [{ index: 0, code: 11_000 }] }, 6, 5), 5);
      followed.serverBytes(encodeReply({ ok: 1 }, 7, 99), 6);
    }).map((line) => line.replace(/ {2}\d+ bytes$/, ''));
    assert.deepEqual(lines, [
      '+0.000  >  OP_MSG  #1  insert  shop.log  wants no reply',
      '+1.000  >  OP_MSG  #2  hello  admin  takes a stream',
      '+2.000  <  OP_MSG  answers #2  (hello)  ok  more to come  after 1.000 ms',
      '+3.000  <  OP_MSG  answers #2  (hello)  ok  after 2.000 ms',
      '+4.000  >  OP_MSG  #5  insert  shop.log',
      '+5.000  <  OP_MSG  answers #5  (insert)  ok with write error 11000  after 1.000 ms',
      '+6.000  <  OP_REPLY  answers #99  a request that was not seen  ok',
    ]);
  });

  it('reads compressed messages, small and large, and names the compressor', () => {
    const large = encodeMessage(
      { cursor: { id: 0, ns: 'a.b', firstBatch: Array.from({ length: 500 }, () => ({ t: 'x'.repeat(500) })) }, ok: 1 },
      8,
      7,
    );
    const packed = (bytes: Buffer): Buffer => deflate(Frame.of(bytes), COMPRESSORS.zlib).bytes;
    const lines = follow((followed) => {
      followed.clientBytes(packed(find), 0);
      followed.serverBytes(packed(large), 1);
    });
    assert.match(lines[0] ?? '', /OP_MSG \(zlib\) {2}#7 {2}find {2}shop\.orders/);
    assert.match(lines[1] ?? '', /OP_MSG \(zlib\) {2}answers #7 {2}\(find\) {2}ok {2}500 documents/);
  });

  it('says what it cannot read', () => {
    const broken = Buffer.from(find);
    broken.writeInt32LE(99, 21);
    const lines = follow((followed) => {
      followed.clientBytes(broken, 0);
      followed.clientBytes(find.subarray(0, 30), 1);
      followed.clientGap(2);
      followed.clientBytes(Buffer.concat([Buffer.from('rest of what was lost'), find]), 3);
      followed.serverBytes(Buffer.alloc(40, 0xff), 5);
      followed.end(6, 'capture');
    });
    assert.match(lines[0] ?? '', /> {2}OP_MSG {2}\d+ bytes {2}not read: invalid_bson$/);
    assert.match(lines[1] ?? '', /> {2}bytes are missing here$/);
    assert.match(lines[2] ?? '', /> {2}21 bytes passed over to the next message$/);
    assert.match(lines[3] ?? '', /> {2}OP_MSG {2}#7 {2}find/);
    assert.match(lines[4] ?? '', /< {2}not read any further: lost_framing$/);
    assert.match(lines[5] ?? '', /> {2}the capture ends here$/);
  });

  it('prints no control characters of the wire', () => {
    const lines = follow((followed) => {
      followed.clientBytes(encodeMessage({ find: 'a\u001b[2Jb', comment: '\u202eevil', $db: 'shop' }, 1, 0), 0);
    });
    assert.doesNotMatch(lines.join(''), /\p{Cc}|\p{Cf}/u);
  });
});

describe('timeText', () => {
  it('is UTC to the microsecond, or the time since the start', () => {
    assert.equal(timeText(1_767_600_000_001.25, true), '2026-01-05T08:00:00.001250Z');
    assert.equal(timeText(12.5, false), '+12.500');
    assert.equal(timeText(Number.MAX_VALUE, true), '-');
  });
});
