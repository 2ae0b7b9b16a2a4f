// When a recording begins, what it holds, and every way in which it ends.
// Does not check the redaction of single fields (codecs/redact does). Invariant: without a recording nothing is tapped.

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { Binary, encodeMessage, Frame, readCommand, readReply } from '../../../codecs/index.ts';
import type { RecordedItem } from '../../../src/recording/format.ts';
import { readRecording } from '../../../src/recording/reader.ts';
import { RECORDING_LIMITS, Recorder, type Recording, type RecordingOptions } from '../../../src/recording/recorder.ts';
import type { Tappable } from '../../../src/recording/tap.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const OPTIONS: RecordingOptions = { ...RECORDING_LIMITS, client: null, keepsValues: false };
const FIND = encodeMessage({ find: 'orders', filter: { name: 'secret' }, $db: 'shop' }, 5, 0);
const REPLY = encodeMessage({ ok: 1, cursor: { firstBatch: [{ name: 'secret' }], id: 0, ns: 'shop.orders' } }, 9, 5);

let clock: FakeClock;
let recorder: Recorder;
let text: string;
let finished: number;
let accepts: boolean;

beforeEach(() => {
  clock = new FakeClock();
  recorder = new Recorder(clock, 'weir 1.2.3');
  text = '';
  finished = 0;
  accepts = true;
});

function start(options: Partial<RecordingOptions> = {}): Recording | null {
  return recorder.start(
    { ...OPTIONS, ...options },
    {
      write: (piece) => {
        text += piece;
        return accepts;
      },
      finish: () => {
        finished++;
      },
    },
  );
}

function connection(remoteAddress = '10.0.0.7'): Tappable {
  return { listener: 'main', remoteAddress, remotePort: 4711 };
}

function items(): RecordedItem[] {
  return [...readRecording(text)];
}

const ended = (): string => /^# ended: (\w+)/m.exec(text)?.[1] ?? '';

test('nobody records: no tap, and opening and closing is nothing', () => {
  const client = connection();
  recorder.opened(client);
  assert.equal(recorder.isRecording, false);
  assert.equal(recorder.tap(client), null);
  recorder.closed(client, 'closed');
  recorder.stop();
});

test('a conversation with its times, redacted, remarks above the bytes', () => {
  start();
  const client = connection();
  clock.advance(5);
  recorder.opened(client);
  clock.advance(1.5);
  recorder.tap(client)?.fromClient(FIND.subarray(0, 30));
  recorder.tap(client)?.fromClient(FIND.subarray(30));
  clock.advance(2);
  recorder.tap(client)?.fromServer(REPLY);
  recorder.closed(client, 'peer_closed');
  const [header, open, request, reply, end, ...more] = items();
  assert.ok(header?.kind === 'header' && request?.kind === 'chunk' && reply?.kind === 'chunk');
  assert.deepEqual(Object.fromEntries(header.fields), {
    server: 'weir 1.2.3',
    recorded: '2023-11-14',
    values: 'redacted',
  });
  assert.deepEqual(open, { kind: 'open', atMs: 5, connection: 1, listener: 'main', address: '' });
  assert.deepEqual([request.atMs, request.connection, request.from], [6.5, 1, 'client']);
  assert.deepEqual([reply.atMs, reply.connection, reply.from], [8.5, 1, 'server']);
  assert.equal(readCommand(Frame.of(request.bytes)).collection, 'orders');
  assert.equal(readReply(Frame.of(reply.bytes)).batchCount, 1);
  assert.ok(!request.bytes.includes('secret') && !reply.bytes.includes('secret'));
  assert.deepEqual(end, { kind: 'end', atMs: 8.5, connection: 1, reason: 'peer_closed' });
  assert.equal(more.length, 0);
  assert.match(text, /^\+6\.500 1 > {2}# OP_MSG 5: find shop\.orders$/m);
  assert.match(text, /^\+8\.500 1 < {2}# OP_MSG 9 to 5: ok$/m);
});

test('values and the client stay in a raw recording, a login and its reply do not', () => {
  start({ keepsValues: true });
  const client = connection();
  recorder.opened(client);
  recorder.tap(client)?.fromClient(FIND);
  const payload = new Binary(Buffer.from('secret'));
  recorder.tap(client)?.fromClient(encodeMessage({ saslStart: 1, payload, $db: 'admin' }, 6, 0));
  recorder.tap(client)?.fromServer(encodeMessage({ ok: 1, unknown: 'secret', payload }, 10, 6));
  recorder.tap(client)?.fromServer(REPLY);
  const holds = items().map((item) => item.kind === 'chunk' && item.bytes.includes('secret'));
  assert.deepEqual(holds, [false, false, true, false, false, true]);
  assert.equal(items().find((item) => item.kind === 'open')?.address, '10.0.0.7:4711');
});

test('begun in mid-connection it waits for a message', () => {
  const client = connection();
  start();
  recorder.tap(client)?.fromClient(FIND.subarray(20));
  recorder.tap(client)?.fromClient(FIND);
  assert.deepEqual(
    items().map(({ kind }) => kind),
    ['header', 'open', 'chunk'],
  );
});

test('one at a time, and another one after it', () => {
  const first = start();
  assert.ok(first !== null && recorder.isRecording);
  assert.equal(start(), null);
  first.stop('reader_gone');
  first.stop('seconds');
  assert.deepEqual([finished, ended(), recorder.isRecording, clock.timers], [1, 'reader_gone', false, 0]);
  assert.ok(start() !== null);
});

describe('which connections', () => {
  test('so many at a time, the next one when one has gone', () => {
    start({ connections: 2 });
    const clients = [connection(), connection(), connection()];
    for (const client of clients) recorder.opened(client);
    assert.equal(recorder.tap(clients[2] as Tappable), null);
    recorder.closed(clients[0] as Tappable, 'closed');
    assert.ok(recorder.tap(clients[2] as Tappable) !== null);
    assert.equal(recorder.tap(clients[0] as Tappable), null);
  });

  test('only the client that was asked for, in both notations of its address', () => {
    start({ client: '10.0.0.7' });
    assert.equal(recorder.tap(connection('10.0.0.8')), null);
    assert.ok(recorder.tap(connection('10.0.0.7')) !== null);
    assert.ok(recorder.tap(connection('::ffff:10.0.0.7')) !== null);
  });

  test('one that speaks TLS is named and left', () => {
    start();
    const client = connection();
    recorder.opened(client);
    recorder.tap(client)?.fromClient(Buffer.from('16030100f8010000f40303aabbccddeeff001122', 'hex'));
    recorder.tap(client)?.fromServer(REPLY);
    recorder.closed(client, 'closed');
    assert.deepEqual(
      items().map((item) => (item.kind === 'end' ? item.reason : item.kind)),
      ['header', 'open', 'tls'],
    );
  });
});

describe('it ends', () => {
  test('after its seconds', () => {
    start({ seconds: 3 });
    clock.advance(2999);
    assert.equal(recorder.isRecording, true);
    clock.advance(1);
    assert.deepEqual([recorder.isRecording, ended(), finished], [false, 'seconds', 1]);
  });

  test('before it grows beyond its size, and no connection is tapped any more', () => {
    start({ bytes: 2000 });
    const client = connection();
    recorder.opened(client);
    const tap = recorder.tap(client);
    for (let i = 0; i < 20; i++) tap?.fromClient(FIND);
    assert.deepEqual([ended(), finished, recorder.tap(client)], ['bytes', 1, null]);
    assert.ok(text.length < 2100);
    recorder.closed(client, 'closed');
  });

  test('when its reader does not keep up', () => {
    start();
    accepts = false;
    recorder.tap(connection())?.fromClient(FIND);
    assert.deepEqual([ended(), finished, recorder.isRecording], ['slow_reader', 1, false]);
  });

  test('when weir stops', () => {
    start();
    recorder.stop();
    assert.deepEqual([ended(), recorder.isRecording], ['stopped', false]);
  });

  test('by a sink that fails, which reaches neither a connection nor whoever stops it', () => {
    const faults: unknown[] = [];
    recorder = new Recorder(clock, 'weir', (error) => faults.push(error));
    let pieces = 0;
    const fail = (): never => {
      throw new Error('planted');
    };
    recorder.start(OPTIONS, { write: () => ++pieces < 4 || fail(), finish: fail });
    const client = connection();
    recorder.opened(client);
    const tap = recorder.tap(client);
    tap?.fromClient(FIND);
    assert.equal(recorder.isRecording, true);
    tap?.fromServer(REPLY);
    assert.deepEqual([recorder.isRecording, faults.length, clock.timers], [false, 2, 0]);
    const unusable = recorder.start(OPTIONS, { write: fail, finish: fail });
    assert.deepEqual([recorder.isRecording, unusable === null], [false, false], 'the next one may try');
  });

  test('by a fault of its own, which reaches no connection', () => {
    start();
    const client = connection();
    const tap = recorder.tap(client);
    const broken = Buffer.from(FIND);
    broken.subarray = () => {
      throw new Error('planted');
    };
    tap?.fromClient(broken);
    assert.deepEqual([ended(), finished, recorder.tap(client)], ['internal_error', 1, null]);
  });
});
