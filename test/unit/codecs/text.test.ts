// The name table and the text cache: found by bytes, never confused.
// Does not measure: bench/micro does.
// Invariant: text that collides in a slot is still told apart.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIELD, FIELD_NAMES } from '../../../codecs/command-fields.ts';
import { COMMAND_NAMES, COMMAND_ROWS, commandRow } from '../../../codecs/command-table.ts';
import { FieldTable } from '../../../codecs/field-table.ts';
import { NameTable, readText } from '../../../codecs/text.ts';

const find = (table: NameTable, name: string): number => {
  const bytes = Buffer.from(`<${name}>`);
  return table.find(bytes, 1, bytes.length - 1);
};

test('every command is found and nothing else is', () => {
  COMMAND_NAMES.names.forEach((name, index) => {
    assert.equal(find(COMMAND_NAMES, name), index, name);
    assert.equal(find(COMMAND_NAMES, `${name}x`), -1);
    assert.equal(find(COMMAND_NAMES, name.toUpperCase()), -1);
  });
  assert.equal(find(COMMAND_NAMES, ''), -1);
  assert.equal(new Set(COMMAND_NAMES.names).size, COMMAND_NAMES.names.length);
  for (const row of COMMAND_ROWS) {
    for (const name of [row.name, ...row.aliases]) assert.equal(commandRow(find(COMMAND_NAMES, name)), row, name);
  }
  assert.equal(commandRow(-1).namespace, 'guess');
});

test('names that look alike to the hash are told apart', () => {
  const table = new NameTable(['axxb', 'ayxb', 'azxb']);
  assert.deepEqual([find(table, 'axxb'), find(table, 'ayxb'), find(table, 'azxb'), find(table, 'aqxb')], [0, 1, 2, -1]);
});

test('field numbers are places in the list of names', () => {
  assert.equal(FIELD_NAMES[FIELD.db], '$db');
  assert.equal(FIELD_NAMES.length, Object.keys(FIELD).length);
  for (const [key, index] of Object.entries(FIELD)) {
    assert.equal(FIELD_NAMES[index]?.replace('$', ''), key);
  }
  assert.throws(
    () =>
      new FieldTable(
        Array.from({ length: 32 }, (_, index) => `f${index}`),
        'last',
      ),
    RangeError,
  );
});

test('text is right for ten times as many texts as the cache has slots, twice', () => {
  for (let round = 0; round < 2; round++) {
    for (let index = 0; index < 10_240; index++) {
      const text = `collection_${index}`;
      const bytes = Buffer.from(`..${text}..`);
      assert.equal(readText(bytes, 2, bytes.length - 2), text);
    }
  }
});

test('text beyond ASCII, long text, empty text and broken UTF-8', () => {
  for (const text of ['größe', '数据', 'x'.repeat(64), 'x'.repeat(65), '']) {
    const bytes = Buffer.from(text);
    assert.equal(readText(bytes, 0, bytes.length), text);
  }
  assert.equal(readText(Buffer.from([0xff, 0x61]), 0, 2), '\ufffda');
});
