// Turns what zod found into sentences for people, with the nearest known key and a word about what is not built yet.
// It finds no problems itself. Invariant: a wrong value that came from outside the file is not repeated.

import { closest, distance } from 'fastest-levenshtein';
import type { z } from 'zod';
import { explainNotBuiltKey, explainNotBuiltValue } from './not-built.ts';
import { quote } from './parsed.ts';
import { type ConfigPath, type Places, toPlace } from './places.ts';
import type { ConfigProblem } from './problem.ts';
import { knownKeysIn } from './reference.ts';
import { isSecretPlace } from './secret-places.ts';

type Issue = z.core.$ZodIssue;

/** All problems of one zod issue; `values` is what was validated. */
export function explainIssue(issue: Issue, places: Places, values: unknown): readonly ConfigProblem[] {
  const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      ...places.ofKey(path, key),
      sentence: explainUnknownKey(path, key),
      refusal: false,
    }));
  }
  const value = valueAt(values, path);
  const found = describeFound(value, places, path);
  const sentence = explainNotBuiltValue(toPlace(path), value) ?? explainValue(issue, path, value, found);
  const isShown = places.outsideTag(path) === null;
  const shown = isShown ? sentence : sentence.replace(/, found ".*"$/s, `, found ${found}`);
  return [{ ...places.ofValue(path), sentence: shown, refusal: isRefusal(issue) }];
}

/** What stands at a place, unless it came from outside or may be a secret. */
function describeFound(value: unknown, places: Places, path: ConfigPath): string {
  const tag = places.outsideTag(path);
  if (tag !== null) return `the value of ${tag}`;
  const isScalar = value !== null && typeof value !== 'object';
  return isScalar && isSecretPlace(toPlace(path)) ? 'a value that is not shown' : describeValue(value);
}

/** The sentence for a key that the schema does not know. */
export function explainUnknownKey(path: ConfigPath, key: string): string {
  const place = toPlace(path);
  const notBuilt = explainNotBuiltKey(place === '' ? key : `${place}.${key}`);
  if (notBuilt !== null) return notBuilt;
  const known = knownKeysIn(place);
  const nearest =
    known.length === 0
      ? ''
      : closest(
          key.toLowerCase(),
          known.map((name) => name.toLowerCase()),
        );
  const hint = known.find((name) => name.toLowerCase() === nearest);
  if (hint !== undefined && distance(key.toLowerCase(), nearest) <= Math.max(2, Math.floor(key.length / 3))) {
    return `unknown key ${quote(key)}, did you mean ${quote(hint)}?`;
  }
  const inside = known.find((name) => knownKeysIn(place === '' ? name : `${place}.${name}`).includes(key));
  if (inside !== undefined) return `unknown key ${quote(key)} here, it belongs inside ${quote(inside)}`;
  return `unknown key ${quote(key)}, known here: ${known.join(', ')}`;
}

function explainValue(issue: Issue, path: ConfigPath, value: unknown, found: string): string {
  const name = lastName(path);
  if (value === undefined) return `${quote(name)} is missing`;
  const forName = path.length === 0 ? '' : ` for ${quote(name)}`;
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${describeType(issue.expected)}${forName}, found ${found}`;
    case 'invalid_value':
      return `expected ${either(issue.values)}${forName}, found ${found}${nearestValue(issue.values, value)}`;
    case 'too_small':
      return `expected at least ${sizeOf(issue.minimum, issue.origin)}${forName}, found ${found}`;
    case 'too_big':
      return `expected at most ${sizeOf(issue.maximum, issue.origin)}${forName}, found ${found}`;
    case 'custom':
    case 'invalid_format':
      return issue.message;
    default:
      return `${quote(name)} is wrong: ${issue.message}`;
  }
}

function either(values: readonly unknown[]): string {
  const words = values.map(String);
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function nearestValue(allowed: readonly unknown[], value: unknown): string {
  if (typeof value !== 'string') return '';
  const lower = value.toLowerCase();
  const names = allowed.map(String);
  const near = names.find((name) => lower.startsWith(name.toLowerCase())) ?? closest(lower, names);
  const isNear = lower.startsWith(near.toLowerCase()) || distance(lower, near.toLowerCase()) <= 2;
  return allowed.length > 1 && isNear ? `, did you mean ${near}?` : '';
}

function sizeOf(bound: number | bigint, origin: string): string {
  if (origin === 'array') return `${bound} ${bound === 1 ? 'entry' : 'entries'}`;
  if (origin === 'string') return `${bound} ${bound === 1 ? 'character' : 'characters'}`;
  return String(bound);
}

function describeType(expected: string): string {
  const words: Readonly<Record<string, string>> = {
    string: 'text',
    number: 'a whole number',
    int: 'a whole number',
    array: 'a list',
    object: 'a mapping',
  };
  return words[expected] ?? expected;
}

function describeValue(value: unknown): string {
  if (value === null) return 'nothing';
  if (typeof value === 'string') return quote(value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  const isPlain = typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint';
  return isPlain ? String(value) : 'a mapping';
}

function lastName(path: ConfigPath): string {
  const place = path.findLast((step) => typeof step === 'string');
  if (place === undefined) return 'the file';
  return typeof path.at(-1) === 'number' ? `${place}[]` : place;
}

function isRefusal(issue: Issue): boolean {
  return issue.code === 'custom' && issue.params?.['refusal'] === true;
}

function valueAt(values: unknown, path: ConfigPath): unknown {
  let value = values;
  for (const step of path) {
    if (value === null || typeof value !== 'object') return undefined;
    value = (value as Readonly<Record<string | number, unknown>>)[step];
  }
  return value;
}
