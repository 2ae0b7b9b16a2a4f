// Readers of one BSON document.
// Invariant: the walk visits every element on every level, names and getters included.

import assert from 'node:assert/strict';
import { BsonView, deserialize, deserializeExact, serialize } from '../../../codecs/index.ts';
import type { Corpus } from '../corpus.ts';
import { DOCUMENT_FAMILIES } from '../growth.ts';
import type { Random } from '../random.ts';
import type { Target } from '../target.ts';

/** Type, name and value range of every element on every level. */
export function walk(view: BsonView): unknown[] {
  const seen: unknown[] = [];
  for (const element of view.elements()) {
    assert.ok(element.start >= view.start && element.end < view.end, 'the element lies inside its document');
    const nested = view.nested(element);
    // Offsets inside the buffer, which is embedded in a larger one: they start at the view.
    seen.push([element.type, element.name, element.start, element.end, nested === null ? null : walk(nested)]);
  }
  return seen;
}

/** A getter looks from the start each time, so all names would be quadratic by themselves. */
const GETTER_NAMES = 16;

function getters(view: BsonView): unknown[] {
  return [...view.elements()]
    .slice(0, GETTER_NAMES)
    .map(({ name }) => [
      view.has(name),
      view.getString(name),
      view.getInt(name),
      view.getBigInt(name),
      view.getBoolean(name),
      view.getDocument(name)?.raw() ?? null,
      view.getArray(name)?.raw() ?? null,
    ]);
}

function repairDocument(document: Buffer, random: Random): void {
  if (document.length >= 5 && !random.oneIn(8)) {
    document.writeInt32LE(document.length, 0);
    document[document.length - 1] = 0;
  }
}

/** What all of them have in common. */
const COMMON = {
  seeds: ({ documents }: Corpus) => documents,
  families: DOCUMENT_FAMILIES,
  repair: repairDocument,
} as const;

export const DOCUMENT_TARGETS: readonly Target[] = [
  { name: 'bson-walk', ...COMMON, read: (input) => walk(new BsonView(input)) },
  { name: 'bson-getters', ...COMMON, read: (input) => getters(new BsonView(input)) },
  { name: 'bson-values', ...COMMON, read: (input) => JSON.stringify(deserialize(input)) },
  { name: 'bson-exact', ...COMMON, read: (input) => serialize(deserializeExact(input)) },
];
