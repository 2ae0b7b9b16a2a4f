// Reads the fields of a command and refuses wrong types in MongoDB's words. It knows no command.
// Invariant: whatever a client sends, the caller gets the type it asked for or a CommandError.

import { type Doc, isDocument, Long } from './documents.ts';
import { CommandError } from './errors.ts';

function refuse(key: string, expected: string): never {
  throw new CommandError(14, `field '${key}' must be of type ${expected}`);
}

/** A string that must be there. */
export function readString(command: Doc, key: string): string {
  const value = command[key];
  return typeof value === 'string' ? value : refuse(key, 'string');
}

/** A document, or undefined when the field is absent or null. */
export function readDocumentField(command: Doc, key: string): Doc | undefined {
  const value = command[key];
  if (value === undefined || value === null) return undefined;
  return isDocument(value) ? value : refuse(key, 'object');
}

/** A document, empty when absent. */
export function readFilter(command: Doc, key: string): Doc {
  return readDocumentField(command, key) ?? {};
}

/** An array of documents that must be there. */
export function readDocuments(command: Doc, key: string): Doc[] {
  const value = command[key];
  if (!Array.isArray(value)) return refuse(key, 'array');
  for (const item of value as unknown[]) if (!isDocument(item)) refuse(key, 'array of objects');
  return value as Doc[];
}

/** An array of documents, or undefined when absent. */
export function readOptionalDocuments(command: Doc, key: string): Doc[] | undefined {
  return command[key] === undefined || command[key] === null ? undefined : readDocuments(command, key);
}

/** A whole number of 0 or more, or `fallback` when absent. */
export function readCount(command: Doc, key: string, fallback: number): number {
  const value = command[key];
  if (value === undefined || value === null) return fallback;
  const number = value instanceof Long ? value.toNumber() : value;
  if (typeof number !== 'number' || !Number.isFinite(number)) return refuse(key, 'number');
  if (number < 0)
    throw new CommandError(51_024, `BSON field '${key}' value must be >= 0, actual value '${Math.trunc(number)}'`);
  return Math.trunc(number);
}

/** A flag: booleans and numbers as MongoDB takes them, `fallback` when absent. */
export function readFlag(command: Doc, key: string, fallback: boolean): boolean {
  const value = command[key];
  if (value === undefined || value === null) return fallback;
  if (typeof value === 'boolean') return value;
  return typeof value === 'number' ? value !== 0 : refuse(key, 'bool');
}

/** The collection a command names in its first field. */
export function readCollectionName(command: Doc, key: string): string {
  const name = readString(command, key);
  if (name === '' || name.startsWith('.') || name.includes('$') || name.includes('\0')) {
    throw new CommandError(73, `Invalid collection name: '${name}'`);
  }
  return name;
}
