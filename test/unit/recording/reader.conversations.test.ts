// Every recorded conversation: what the readers see in it, in every cut, and that it gives nobody away.
// Does not record (test/record does). Invariant: each fixtures/conversations/*.txt has its golden view beside it.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Frame, redactMessage } from '../../../codecs/index.ts';
import type { RecordedItem } from '../../../src/recording/format.ts';
import { readRecording } from '../../../src/recording/reader.ts';
import { type MessageEntry, viewConversation } from '../../support/conversation-view.ts';
import { cutAt } from '../codecs/check.ts';

const FOLDER = new URL('../../../fixtures/conversations/', import.meta.url);
const LARGEST = 100_000;
const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.txt'))
  .map((file) => file.slice(0, -'.txt'.length));

function goldenOf(name: string, entries: readonly MessageEntry[]): unknown {
  const file = new URL(`${name}.json`, FOLDER);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    writeFileSync(file, `[\n${entries.map((entry) => `  ${JSON.stringify(entry)}`).join(',\n')}\n]\n`);
  }
  assert.ok(existsSync(file), `${name}.json is missing: run with UPDATE_GOLDEN=1 and review it`);
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** A different cut for each seed; numerical recipes' generator, so that a failure can be repeated. */
function randomCuts(seed: number): (bytes: Buffer) => Buffer[] {
  let state = seed;
  return (bytes) => {
    const cuts: number[] = [];
    for (let at = 0; at < bytes.length; ) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      at += 1 + (state % 97);
      if (at < bytes.length) cuts.push(at);
    }
    return cutAt(bytes, cuts);
  };
}

for (const name of names) {
  describe(name, () => {
    const text = readFileSync(new URL(`${name}.txt`, FOLDER), 'utf8');
    const items: readonly RecordedItem[] = [...readRecording(text)];
    const chunks = items.filter((item) => item.kind === 'chunk');
    const whole = viewConversation(items, (bytes) => [bytes]);

    test('whole, byte by byte and cut anywhere it reads as its golden view says', () => {
      const golden = goldenOf(name, whole);
      assert.deepEqual(JSON.parse(JSON.stringify(whole)), golden);
      assert.deepEqual(
        viewConversation(items, (bytes) => cutAt(bytes, [...bytes.keys()].slice(1))),
        whole,
      );
      for (const seed of [1, 2, 3]) assert.deepEqual(viewConversation(items, randomCuts(seed)), whole, `seed ${seed}`);
    });

    test('every message is readable and every reply answers a request of its connection', () => {
      assert.ok(whole.length > 5);
      for (const [index, entry] of whole.entries()) {
        assert.equal(entry['refused'], undefined, `entry ${index}`);
        if (entry['from'] === 'server') assert.equal(typeof entry['answers'], 'number', `entry ${index}`);
      }
    });

    test('says what it is, is small, and redacting it again changes nothing', () => {
      const header = items[0];
      assert.ok(header?.kind === 'header' && text.length < LARGEST);
      for (const key of ['name', 'client', 'server', 'recorded', 'values']) assert.ok(header.fields.has(key), key);
      assert.equal(header.fields.get('name'), name);
      assert.equal(header.fields.get('values'), 'redacted');
      for (const { bytes, from } of chunks) {
        const options = { from, keepsValues: false, maxInflatedBytes: 48_000_000 };
        assert.ok(redactMessage(Frame.of(bytes), options).bytes.equals(bytes));
      }
    });
  });
}

test('what the issue asks for is there: Node 4 to 7, mongoose, PyMongo 3 and 4, Go, Java, libmongoc, logins', () => {
  for (const client of [
    'node-4',
    'node-5',
    'node-6',
    'node-7',
    'pymongo-3.12',
    'pymongo-4.20',
    'go-2',
    'java-5',
    'libmongoc-1.23',
  ]) {
    for (const scenario of ['script', 'login'])
      assert.ok(names.includes(`${client}-${scenario}`), `${client} ${scenario}`);
  }
  assert.ok(names.includes('mongoose-9-script') && names.includes('pymongo-4.20-py-server'));
});
