// No message passes unread because it is large: every opcode, at 200 KB and at 40 MB; and compressed ones, which are
// collected, within the common budget. Does not test what is kept: condenser.test.ts does.
// Invariant: what was taken from the budget is back when the skimmer holds nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Frame,
  MAX_MESSAGE_BYTES,
  OPCODE,
  opcodeName,
  readSkimmedReply,
  readSkimmedRequest,
  SKIM_COMPRESSED_BYTES,
  type SkimBudget,
  type SkimmedCounts,
  Skimmer,
  type SkimSide,
  serialize,
} from '../../../codecs/index.ts';
import { cutAt } from './check.ts';
import { body, int32, message, skim, text, times } from './large-messages.ts';

// --- Every opcode -------------------------------------------------------------------------------------------------

/** A document that ends with a binary of so many bytes. */
function blob(fields: Record<string, unknown>, bytes: number): Buffer {
  const start = serialize(fields).subarray(4, -1);
  const head = Buffer.concat([start, Buffer.from([5]), text('blob'), int32(bytes), Buffer.from([0])]);
  return Buffer.concat([int32(4 + head.length + bytes + 1), head, Buffer.alloc(bytes, 0x61), Buffer.from([0])]);
}

const documents = (bytes: number): Buffer[] => times(Math.ceil(bytes / 100_000), (n) => blob({ n }, 100_000));

function sequenceOf(name: string, content: readonly Buffer[]): Buffer {
  const bytes = content.reduce((sum, { length }) => sum + length, text(name).length);
  return Buffer.concat([Buffer.from([1]), int32(bytes + 4), text(name), ...content]);
}

const request = (frame: Frame, counts: SkimmedCounts | null): unknown => {
  const { name, collection, statementCount, cursorCount } = readSkimmedRequest(frame, counts);
  return [name, collection, statementCount, cursorCount];
};
const reply = (frame: Frame, counts: SkimmedCounts | null): unknown => {
  const { ok, batchCount } = readSkimmedReply(frame, counts);
  return [ok, batchCount];
};

interface Row {
  readonly opcode: number;
  readonly side: SkimSide;
  make(bytes: number): Buffer;
  /** What is read; of a message that no size makes readable, why not. */
  expected(bytes: number): unknown;
}

const count = (bytes: number): number => Math.ceil(bytes / 100_000);

const ROWS: readonly Row[] = [
  {
    opcode: OPCODE.reply,
    side: 'server',
    make: (bytes) => message(OPCODE.reply, Buffer.alloc(16), int32(count(bytes)), ...documents(bytes)),
    expected: (bytes) => [true, count(bytes)],
  },
  {
    opcode: OPCODE.diagnostic,
    side: 'client',
    make: (bytes) => message(OPCODE.diagnostic, Buffer.alloc(bytes, 0x61), Buffer.from([0])),
    expected: () => ['OP_MSG_OLD', '', 0, 0],
  },
  {
    opcode: OPCODE.update,
    side: 'client',
    make: (bytes) => message(OPCODE.update, int32(0), text('a.b'), int32(0), serialize({ _id: 1 }), blob({}, bytes)),
    expected: () => ['OP_UPDATE', 'b', 1, 0],
  },
  {
    opcode: OPCODE.insert,
    side: 'client',
    make: (bytes) => message(OPCODE.insert, int32(0), text('a.b'), ...documents(bytes)),
    expected: (bytes) => ['OP_INSERT', 'b', count(bytes), 0],
  },
  {
    opcode: OPCODE.query,
    side: 'client',
    make: (bytes) => message(OPCODE.query, int32(0), text('a.b'), int32(0), int32(0), blob({ a: 1 }, bytes)),
    expected: () => ['OP_QUERY', 'b', 0, 0],
  },
  {
    opcode: OPCODE.getMore,
    side: 'client',
    // Only its namespace can be large, and no server takes one of more than 255 bytes: it is malformed.
    make: (bytes) => message(OPCODE.getMore, int32(0), Buffer.alloc(bytes, 0x61), text('.b'), Buffer.alloc(12)),
    expected: () => 'bad_layout',
  },
  {
    opcode: OPCODE.delete,
    side: 'client',
    make: (bytes) => message(OPCODE.delete, int32(0), text('a.b'), int32(0), blob({ _id: 1 }, bytes)),
    expected: () => ['OP_DELETE', 'b', 1, 0],
  },
  {
    opcode: OPCODE.killCursors,
    side: 'client',
    make: (bytes) => message(OPCODE.killCursors, int32(0), int32(bytes / 8), Buffer.alloc(bytes, 1)),
    expected: (bytes) => ['OP_KILL_CURSORS', '', 0, bytes / 8],
  },
  {
    opcode: OPCODE.command,
    side: 'client',
    make: (bytes) =>
      message(
        OPCODE.command,
        text('a'),
        text('count'),
        blob({ count: 'b' }, bytes),
        serialize({}),
        ...documents(bytes),
      ),
    expected: () => ['count', 'b', 0, 0],
  },
  {
    opcode: OPCODE.commandReply,
    side: 'server',
    make: (bytes) => message(OPCODE.commandReply, blob({ ok: 1 }, bytes), serialize({})),
    expected: () => [true, 0],
  },
  {
    opcode: OPCODE.msg,
    side: 'client',
    make: (bytes) =>
      message(OPCODE.msg, int32(0), body({ insert: 'b', $db: 'a' }), sequenceOf('documents', documents(bytes))),
    expected: (bytes) => ['insert', 'b', count(bytes), 0],
  },
];

function tryRow({ opcode, side, make, expected }: Row, bytes: number, chunkSizes: readonly number[]): void {
  // OP_COMMAND holds them twice.
  const size = opcode === OPCODE.command ? bytes / 2 : bytes;
  const whole = make(size);
  assert.ok(whole.length >= bytes && whole.length <= MAX_MESSAGE_BYTES);
  for (const chunkBytes of chunkSizes) {
    const { seen, unread, most } = skim(side, whole, chunkBytes);
    const [told] = [...seen.map(({ frame }) => frame), ...unread];
    const [only] = seen;
    const read = side === 'client' ? request : reply;
    assert.deepEqual(only === undefined ? unread[0]?.reason : read(only.frame, only.counts), expected(size));
    assert.deepEqual([seen.length + unread.length, told?.wireBytes], [1, whole.length]);
    const kept = only === undefined ? 0 : only.frame.length;
    assert.ok(most < 400_000 && kept < 200_000, `${most} bytes were held, ${kept} kept`);
  }
}

for (const row of ROWS) {
  test(`${row.opcode} ${opcodeName(row.opcode)} is read at any size`, () => {
    tryRow(row, 200_000, [1_000_000, 1448, 13]);
    tryRow(row, 40_000_000, [65_536]);
  });
}

test('2012 OP_COMPRESSED is collected at any size', () => {
  for (const [bytes, chunkBytes] of [
    [200_000, 1448],
    [SKIM_COMPRESSED_BYTES, 65_536],
    [40_000_000, 65_536],
    [MAX_MESSAGE_BYTES, 1_000_000],
  ] as const) {
    const whole = compressed(bytes);
    const { seen, unread, most } = skim('client', whole, chunkBytes);
    assert.deepEqual([seen.length, unread, seen[0]?.counts], [1, [], null]);
    assert.ok(seen[0]?.frame.bytes.equals(whole));
    assert.ok(most <= bytes);
  }
});

test('the rows are all opcodes that there are', () => {
  const rows = [...ROWS.map(({ opcode }) => opcode), OPCODE.compressed];
  assert.deepEqual(rows.sort(), Object.values(OPCODE).sort());
});

// --- The budget ---------------------------------------------------------------------------------------------------

function compressed(length: number, original: number = OPCODE.msg, compressor = 2): Buffer {
  const bytes = Buffer.alloc(length, 0x61);
  const head = message(OPCODE.compressed, int32(original), int32(length - 25), Buffer.from([compressor]));
  head.copy(bytes);
  bytes.writeInt32LE(length, 0);
  return bytes;
}

class Budget implements SkimBudget {
  readonly limit: number;
  taken = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  take(bytes: number): boolean {
    if (this.taken + bytes > this.limit) return false;
    this.taken += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.taken -= bytes;
  }
}

interface Open {
  readonly skimmer: Skimmer;
  readonly budget: Budget;
  readonly told: string[];
}

function open(limit: number): Open {
  const budget = new Budget(limit);
  const told: string[] = [];
  const skimmer = new Skimmer(
    'server',
    {
      onMessage: ({ wireBytes }) => told.push(`read ${wireBytes}, ${budget.taken} taken`),
      onUnread: ({ opcode, requestId, wireBytes, reason }) =>
        told.push(`${reason} ${opcode} ${requestId} ${wireBytes}, ${budget.taken} taken`),
      onResync: () => undefined,
      onEnd: (reason) => told.push(reason),
    },
    budget,
  );
  return { skimmer, budget, told };
}

const PING = message(OPCODE.msg, int32(0), body({ ping: 1, $db: 'a' }));
const LARGE = SKIM_COMPRESSED_BYTES + 1;
const READ_PING = `read ${PING.length}, 0 taken`;

test('a message above 4 MB takes what it holds beyond a small one, as it comes, and gives it back before it is told', () => {
  const { skimmer, budget, told } = open(LARGE);
  const bytes = compressed(LARGE);
  for (let at = 0; at < LARGE; at += 10_000) {
    skimmer.push(bytes.subarray(at, at + 10_000));
    assert.equal(budget.taken, Math.max(0, skimmer.heldBytes - 65_536));
    assert.ok(budget.taken <= 2 * (at + 10_000), 'it grows with what came');
  }
  assert.deepEqual(told, [`read ${LARGE}, 0 taken`]);
  assert.equal(skimmer.heldBytes, 0);
});

test('one of 4 MB takes nothing, nor does any that is not compressed', () => {
  for (const bytes of [compressed(SKIM_COMPRESSED_BYTES), ROWS[0]?.make(5_000_000) as Buffer]) {
    const { skimmer, told } = open(0);
    for (const piece of cutAt(bytes, [5000, 100_000, 3_000_000])) skimmer.push(piece);
    assert.deepEqual(told, [`read ${bytes.length}, 0 taken`]);
  }
});

test('without room it passes by its original opcode, and what was held is let go', () => {
  const bytes = Buffer.concat([compressed(LARGE, OPCODE.insert), PING]);
  for (const limit of [0, 100_000, 1_000_000, LARGE - 65_537]) {
    for (const cuts of [
      [],
      [10],
      [16, 17],
      [65_536],
      [65_537, 200_000],
      [1_000_000, 2_000_000, 3_000_000, 4_194_304],
    ]) {
      const { skimmer, budget, told } = open(limit);
      for (const piece of cutAt(bytes, cuts)) {
        skimmer.push(piece);
        assert.ok(budget.taken <= limit);
      }
      assert.deepEqual(told, [`too_large_to_read ${OPCODE.insert} 77 ${LARGE}, 0 taken`, READ_PING]);
    }
  }
});

test('a message that could not be inflated is not collected', () => {
  for (const [bytes, reason] of [
    [compressed(LARGE, OPCODE.compressed), 'nested_compression'],
    [compressed(LARGE, 999), 'unknown_opcode'],
    [compressed(LARGE, OPCODE.msg, 77), 'unknown_compressor'],
  ] as const) {
    const { skimmer, budget, told } = open(1e9);
    for (const piece of cutAt(Buffer.concat([bytes, PING]), [20, 70_000, 100_000])) {
      skimmer.push(piece);
      assert.equal(budget.taken, 0);
    }
    assert.deepEqual(told, [`${reason} ${OPCODE.compressed} 77 ${LARGE}, 0 taken`, READ_PING]);
  }
});

test('the budget is whole again after a gap, a stop, and an error of who listens', () => {
  const half = compressed(LARGE).subarray(0, 2_000_000);
  for (const leave of [(skimmer: Skimmer) => skimmer.gap(), (skimmer: Skimmer) => skimmer.stop()]) {
    const { skimmer, budget } = open(1e9);
    skimmer.push(half);
    assert.ok(budget.taken > 1_000_000);
    leave(skimmer);
    assert.deepEqual([budget.taken, skimmer.heldBytes], [0, 0]);
    leave(skimmer);
    assert.equal(budget.taken, 0, 'given back once');
  }
  const budget = new Budget(1e9);
  const fault = new Error('planted');
  const fail = (): never => {
    throw fault;
  };
  const skimmer = new Skimmer('server', { onMessage: fail, onUnread: fail, onResync: fail, onEnd: fail }, budget);
  assert.throws(() => skimmer.push(compressed(LARGE)), fault);
  assert.equal(budget.taken, 0);
});
