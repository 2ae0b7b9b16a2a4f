// A history of registers: who wrote and read what, from when to when, and the check of it against what is stored in the end.
// A register is a document that keeps every value it ever had, in its order, so that the truth can be read afterwards.
// Invariant: a write whose outcome is unknown may be there or not; everything else is certain.

export interface WriteEvent {
  readonly register: string;
  readonly value: string;
  readonly startMs: number;
  /** Infinity while nobody said that it was done. */
  readonly endMs: number;
  /** The version that the acknowledgement named; 0 without one. */
  readonly version: number;
}

export interface ReadEvent {
  readonly register: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly version: number;
  readonly value: string;
}

/** A register as it is stored in the end: `values[n - 1]` is what version n wrote. */
export interface StoredRegister {
  readonly _id: string;
  readonly version: number;
  readonly values: readonly string[];
}

export interface History {
  readonly writes: readonly WriteEvent[];
  readonly reads: readonly ReadEvent[];
}

/** Everything that is wrong, a sentence each; empty: the history is right. */
export function mistakesOf(history: History, stored: readonly StoredRegister[]): string[] {
  return stored.flatMap((register) => [
    ...mistakesOfWrites(history, register),
    ...mistakesOfReads(history, register),
    ...mistakesOfTime(history, register),
  ]);
}

/** Writes that happened more than once: a retry that the server did not recognise. */
export function doublesOf(stored: readonly StoredRegister[]): number {
  return stored.reduce((total, { values }) => total + values.length - new Set(values).size, 0);
}

function mistakesOfWrites({ writes }: History, { _id, version, values }: StoredRegister): string[] {
  const mistakes: string[] = [];
  const own = writes.filter(({ register }) => register === _id);
  const attempted = new Set(own.map(({ value }) => value));
  if (version !== values.length) mistakes.push(`${_id}: version ${version}, but ${values.length} values`);
  for (const value of values) if (!attempted.has(value)) mistakes.push(`${_id}: ${value} was written by nobody`);
  for (const write of own) {
    if (write.version > 0 && values[write.version - 1] !== write.value)
      mistakes.push(`${_id}: ${write.value} was acknowledged as version ${write.version} and is not there`);
  }
  return mistakes;
}

function mistakesOfReads({ reads }: History, { _id, values }: StoredRegister): string[] {
  return reads
    .filter((read) => read.register === _id && (values[read.version - 1] ?? '') !== read.value)
    .map((read) => `${_id}: version ${read.version} was read as ${read.value}, out of thin air`);
}

/** What began after something had ended sees that, or newer: one server, so there is one order. */
function mistakesOfTime({ writes, reads }: History, { _id }: StoredRegister): string[] {
  const certain = [...writes.filter(({ version }) => version > 0), ...reads].filter(({ register }) => register === _id);
  const byEnd = certain.toSorted((a, b) => a.endMs - b.endMs);
  const mistakes: string[] = [];
  let seen = 0;
  let next = 0;
  for (const event of certain.toSorted((a, b) => a.startMs - b.startMs)) {
    for (let ended = byEnd[next]; ended !== undefined && ended.endMs < event.startMs; ended = byEnd[next]) {
      seen = Math.max(seen, ended.version);
      next++;
    }
    if (event.version < seen) mistakes.push(`${_id}: version ${event.version} after ${seen} was known`);
  }
  return mistakes;
}
