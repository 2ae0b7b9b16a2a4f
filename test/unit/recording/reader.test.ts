// The text of recordings, written and read back, in every cut, and every way in which it can be wrong.
// Does not record. Invariant: each refusal names its line.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isRecording, type RecordedItem, RecordingError } from '../../../src/recording/format.ts';
import { RecordingReader, readRecording } from '../../../src/recording/reader.ts';
import { writeChunk, writeComment, writeEnd, writeHeader, writeOpen } from '../../../src/recording/writer.ts';

const HEAD = '# weir conversation 1\n';

function readAll(text: string): RecordedItem[] {
  return [...readRecording(text)];
}

/** What came out before the refusal, and the refusal. */
function refusalOf(text: string): { items: RecordedItem[]; message: string } {
  const items: RecordedItem[] = [];
  try {
    for (const item of readRecording(text)) items.push(item);
  } catch (error) {
    assert.ok(error instanceof RecordingError);
    return { items, message: error.message };
  }
  return { items, message: 'none' };
}

const bytes = Buffer.from([...Array(300).keys()].map((n) => (n < 100 || n > 200 ? n % 256 : 0x78)));
const TEXT = [
  writeHeader({ name: 'a\nb', client: 'd 1', recorded: '2026-01-02' }),
  writeOpen(0, 1, 'main', '127.0.0.1:9'),
  writeChunk({ atMs: 1.5, connection: 1, from: 'client', bytes, remark: 'OP_MSG 1: find a#b' }),
  writeComment('a remark + 1'),
  writeChunk({ atMs: 2, connection: 1, from: 'server', bytes: bytes.subarray(0, 5), zeros: 70_000 }),
  writeOpen(3, 2, 'other one', ''),
  writeEnd(3.25, 1, 'peer closed'),
].join('');

const ITEMS: RecordedItem[] = [
  {
    kind: 'header',
    fields: new Map([
      ['name', 'a?b'],
      ['client', 'd 1'],
      ['recorded', '2026-01-02'],
    ]),
  },
  { kind: 'open', atMs: 0, connection: 1, listener: 'main', address: '127.0.0.1:9' },
  { kind: 'chunk', atMs: 1.5, connection: 1, from: 'client', bytes },
  {
    kind: 'chunk',
    atMs: 2,
    connection: 1,
    from: 'server',
    bytes: Buffer.concat([bytes.subarray(0, 5), Buffer.alloc(70_000)]),
  },
  { kind: 'open', atMs: 3, connection: 2, listener: 'other_one', address: '' },
  { kind: 'end', atMs: 3.25, connection: 1, reason: 'peer_closed' },
];

test('what was written is read back, in any cut, with either line end and without the last one', () => {
  assert.deepEqual(readAll(TEXT), ITEMS);
  assert.deepEqual(readAll(TEXT.replaceAll('\n', '\r\n')), ITEMS);
  assert.deepEqual(readAll(TEXT.trimEnd()), ITEMS);
  for (const step of [1, 7, 1000]) {
    const items: RecordedItem[] = [];
    const reader = new RecordingReader((item) => items.push(item));
    for (let at = 0; at < TEXT.length; at += step) reader.push(TEXT.slice(at, at + step));
    reader.finish();
    assert.deepEqual(items, ITEMS, `pieces of ${step}`);
  }
});

test('cut off anywhere it gives the items before the cut, and a refusal or nothing more', () => {
  for (let length = HEAD.length; length < TEXT.length; length++) {
    const { items } = refusalOf(TEXT.slice(0, length));
    const whole = items.slice(0, -1);
    assert.deepEqual(whole, ITEMS.slice(0, whole.length), `first ${length} characters`);
  }
});

test('lines of the writer are short, and a long run is one word', () => {
  assert.ok(TEXT.split('\n').every((line) => line.length < 130));
  assert.match(TEXT, /^ {2}78\*101$/m);
  assert.match(TEXT, /^ {2}00\*70000$/m);
  const plain = writeChunk({ atMs: 0, connection: 1, from: 'client', bytes: Buffer.from('0102030405', 'hex') });
  assert.match(plain, /^\+0\.000 1 >\n {2}01020304 05 +# \.{5}\n$/);
});

test('people may write it: hex behind the event, comments, empty lines, runs, upper case', () => {
  const text = `${HEAD}\n# hello\n+1 1 > 0A 0b*3 # four\n\n  ff\n+1 1 <\n# nothing in it\n+2.5 3 end\n`;
  assert.deepEqual(readAll(text).slice(1), [
    { kind: 'chunk', atMs: 1, connection: 1, from: 'client', bytes: Buffer.from('0a0b0b0bff', 'hex') },
    { kind: 'end', atMs: 2.5, connection: 3, reason: '' },
  ]);
  assert.deepEqual(readAll(HEAD), [{ kind: 'header', fields: new Map() }]);
});

describe('refused, with the line', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['', 'line 1: a recording begins with "# weir conversation 1"'],
    ['# weir conversation 2\n', 'line 1: a recording begins with "# weir conversation 1"'],
    [`${HEAD}\nhello\n`, 'line 3: bytes without a line before them that says whose'],
    [`${HEAD}+1 1 >\n  0g\n`, 'line 3: not whole bytes in hex'],
    [`${HEAD}+1 1 >\n  012\n`, 'line 3: not whole bytes in hex'],
    [`${HEAD}+1 1 >\n  00*0\n`, 'line 3: not whole bytes in hex'],
    [`${HEAD}+1 1 ?\n`, 'line 2: not an event; such as "+12.5 1 >"'],
    [`${HEAD}+1 1 >00\n`, 'line 2: not an event; such as "+12.5 1 >"'],
    [`${HEAD}+2 1 end\n+1 1 end\n`, 'line 3: time goes back'],
    [`${HEAD}+1 0 end\n`, 'line 2: connections are numbered from 1 to 1000000'],
    [`${HEAD}+1 1000001 end\n`, 'line 2: connections are numbered from 1 to 1000000'],
    [`${HEAD}+1 1 >\n 00*48000000 00\n`, 'line 3: more than 48000000 bytes at once'],
    [`${HEAD}+1 1 >\n 00*99999999\n`, 'line 3: more than 48000000 bytes at once'],
    [`${HEAD}${' '.repeat(5000)}`, 'line 2: the line is too long'],
    [`${HEAD}${' '.repeat(5000)}\n`, 'line 2: the line is too long'],
  ];
  for (const [text, message] of cases) {
    test(`${message} (${JSON.stringify(text.slice(0, 40))})`, () => assert.equal(refusalOf(text).message, message));
  }

  test('after the items before it', () => {
    assert.equal(refusalOf(`${TEXT}+1 1 end\n`).items.length, ITEMS.length);
  });
});

test('a recording is known by its first characters', () => {
  assert.ok(isRecording(TEXT.slice(0, 24)) && isRecording('# weir conversation 9'));
  assert.ok(!isRecording('# weir') && !isRecording('\u00d4\u00c3\u00b2\u00a1') && !isRecording(''));
});
