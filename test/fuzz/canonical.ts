// Plain data as text, so that two results can be compared and hashed.
// Does not use v8's serialiser: it tells 1 as a small integer from 1 as a double, which depends on the compiler.
// Invariant: equal data give equal text, different data different text.

/** @throws TypeError for a function or symbol: results of targets are data. */
export function canonical(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'bigint':
      return `${String(value)}n`;
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'object':
      return value === null ? 'null' : canonicalObject(value);
    default:
      throw new TypeError(`a result holds a ${typeof value}`);
  }
}

function canonicalObject(value: object): string {
  if (value instanceof Uint8Array) {
    return `x${Buffer.from(value.buffer, value.byteOffset, value.length).toString('hex')}`;
  }
  if (Array.isArray(value)) {
    return `[${value.map(canonical).join(',')}]`;
  }
  if (value instanceof Map || value instanceof Set) {
    return canonicalObject([...value]);
  }
  const fields = Object.entries(value).map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`);
  return `{${fields.join(',')}}`;
}
