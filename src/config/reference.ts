// The tree of known keys, read out of the schema: for the reference page and for hints about typos.
// It checks no values. Invariant: a key appears here exactly when the schema accepts it.

import { z } from 'zod';
import { configSchema } from './schema.ts';
import { keyDocs } from './schema-keys.ts';

/** One key. */
export interface KeyReference {
  /** `clusters[].pool.maxConnections` */
  readonly place: string;
  readonly type: string;
  readonly meaning: string;
  readonly applies: 'restart' | 'live';
  /** As one would write it, or in words where another key decides; null when there is none. */
  readonly defaultText: string | null;
  readonly isRequired: boolean;
}

/** All keys, parents before children, in the schema's order. */
export function listKeys(): readonly KeyReference[] {
  const keys: KeyReference[] = [];
  walk(configSchema, '', keys);
  return keys;
}

/** The keys directly inside a place; '' is the top of the file. */
export function knownKeysIn(place: string): readonly string[] {
  const prefix = place === '' ? '' : `${place}.`;
  return listKeys()
    .filter((key) => key.place.startsWith(prefix))
    .map((key) => key.place.slice(prefix.length))
    .filter((name) => !name.includes('.') && !name.includes('['));
}

function walk(schema: unknown, place: string, keys: KeyReference[]): void {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray) walk(inner.element, `${place}[]`, keys);
  if (!(inner instanceof z.ZodObject)) return;
  const shape: Readonly<Record<string, z.ZodType>> = inner.shape;
  for (const [name, child] of Object.entries(shape)) {
    const childPlace = place === '' ? name : `${place}.${name}`;
    keys.push(describe(childPlace, child));
    walk(child, childPlace, keys);
  }
}

function unwrap(schema: unknown): unknown {
  let inner = schema;
  while (inner instanceof z.ZodPrefault || inner instanceof z.ZodDefault || inner instanceof z.ZodOptional) {
    inner = inner.def.innerType;
  }
  return inner;
}

function describe(place: string, schema: z.ZodType): KeyReference {
  const doc = keyDocs.get(schema);
  if (doc === undefined) throw new Error(`no documentation for the config key ${place}`);
  const { type, meaning, applies } = doc;
  const hasDefault = schema instanceof z.ZodPrefault || schema instanceof z.ZodDefault;
  const isRequired = !hasDefault && !(schema instanceof z.ZodOptional);
  return { place, type, meaning, applies, defaultText: doc.defaultText ?? readDefault(schema), isRequired };
}

function readDefault(schema: z.ZodType): string | null {
  if (!(schema instanceof z.ZodPrefault || schema instanceof z.ZodDefault)) return null;
  const value: unknown = schema.def.defaultValue;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
