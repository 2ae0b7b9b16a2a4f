// Documents as the sandbox holds them: plain objects with bson's own classes for what JavaScript lacks.
// It is the sandbox's only way to bson; it knows nothing of commands. Types that mingo cannot compute with are promoted: an int64
// or a double within the safe range becomes a number, so 1.0 and int64 1 come back as int32 1.
// Invariant: a document that was copied shares no memory with the network buffer it came from.

import { Binary, Double, deserialize, Int32, Long, ObjectId, serialize, Timestamp } from '../../codecs/bson.ts';

export { Binary, Double, Int32, Long, ObjectId, Timestamp };

/** A decoded document. Keys are the wire's and hostile. */
export type Doc = Record<string, unknown>;

/** Largest document a client may store, in bytes. */
export const MAX_DOCUMENT_BYTES: number = 16_777_216;

/** Largest message either way, in bytes. */
export const MAX_MESSAGE_BYTES: number = 48_000_000;

/** Largest number of writes in one command. */
export const MAX_WRITE_BATCH: number = 100_000;

/** Decodes one document that fills `bytes` exactly. Throws DecodeError when it does not. */
export function decodeDocument(bytes: Uint8Array): Doc {
  return deserialize(bytes);
}

/** Encodes a document; fields that are undefined are left out. */
export function encodeDocument(document: Doc): Buffer {
  return serialize(document);
}

const sizes = new WeakMap<object, number>();

/** Bytes the document takes on the wire; remembered per object, so only for documents that nobody changes any more. */
export function documentBytes(document: Doc): number {
  const known = sizes.get(document);
  if (known !== undefined) return known;
  const bytes = encodeDocument(document).length;
  sizes.set(document, bytes);
  return bytes;
}

/** Whether the value is a document (not an array, date, pattern or one of bson's classes). */
export function isDocument(value: unknown): value is Doc {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** A deep copy. bson's classes are immutable here and shared, but for Binary, whose bytes may lie in a network buffer. */
export function copyDocument(document: Doc): Doc {
  const copy: Doc = {};
  for (const key of Object.keys(document)) setField(copy, key, copyValue(document[key]));
  return copy;
}

/** Sets an own field, whatever its name: an assignment to `__proto__` would change the object instead. */
export function setField(document: Doc, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(document, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    document[key] = value;
  }
}

function copyValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyValue);
  if (value instanceof Date) return new Date(value);
  if (value instanceof Binary) return copyBinary(value);
  return isDocument(value) ? copyDocument(value) : value;
}

function copyBinary(binary: Binary): Binary {
  const copy = new Binary(Uint8Array.prototype.slice.call(binary.buffer, 0, binary.position), binary.sub_type);
  return binary.sub_type === Binary.SUBTYPE_UUID && binary.position === 16 ? copy.toUUID() : copy;
}

/** Whether two documents are the same on the wire, key order included. */
export function isSameDocument(left: Doc, right: Doc): boolean {
  return Buffer.compare(encodeDocument(left), encodeDocument(right)) === 0;
}

/** The value at a dotted path, arrays not entered. */
export function valueAt(document: Doc, path: string): unknown {
  let value: unknown = document;
  for (const part of path.split('.')) {
    if (!isDocument(value) || !Object.hasOwn(value, part)) return undefined;
    value = value[part];
  }
  return value;
}

/** A text that is equal exactly for values MongoDB calls equal: numbers of any type by value, everything else by type and bytes. */
export function canonicalKey(value: unknown): string {
  switch (typeof value) {
    case 'number':
      return `n:${value === 0 ? '0' : String(value)}`;
    case 'string':
      return `s:${value}`;
    case 'boolean':
      return `t:${String(value)}`;
    case 'undefined':
      return 'null';
    default:
      return objectKey(value);
  }
}

function objectKey(value: unknown): string {
  if (value === null) return 'null';
  if (value instanceof ObjectId) return `o:${value.toHexString()}`;
  if (value instanceof Date) return `d:${value.getTime()}`;
  if (value instanceof Timestamp) return `ts:${value.getHighBitsUnsigned()}.${value.getLowBitsUnsigned()}`;
  if (value instanceof Long) return `n:${value.toString()}`;
  if (value instanceof Int32 || value instanceof Double) return canonicalKey(value.value);
  const text = decimalText(value);
  if (text !== null) return decimalKey(text);
  return `x:${encodeDocument({ v: value }).toString('base64')}`;
}

/** bson's Decimal128 is known by its tag: only its text is needed here. */
function decimalText(value: unknown): string | null {
  const decimal = value as { readonly _bsontype?: unknown; toString(): string };
  return decimal._bsontype === 'Decimal128' && !isDocument(value) ? decimal.toString() : null;
}

/** A decimal that a double holds exactly enough is that double's key; others have a key of their own. */
function decimalKey(text: string): string {
  const digits = text
    .replace(/e.*$/i, '')
    .replace(/[^\d]/g, '')
    .replace(/^0+|0+$/g, '');
  return digits.length <= 15 ? canonicalKey(Number(text)) : `n:${text}`;
}
