// One text for one value, the same in every language: keys sorted, no spaces.
// Invariant: the digest depends only on the steps' names and values, in the script's order.
import { createHash } from 'node:crypto';
import type { ResultValue, StepResult } from '../../report.ts';

export function canonical(value: ResultValue): string {
  if (Array.isArray(value)) return `[${(value as readonly ResultValue[]).map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value as Record<string, ResultValue>).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(',')}}`;
}

export function digestOf(results: readonly StepResult[]): string {
  const hash = createHash('sha256');
  for (const { step, value } of results) hash.update(`${step}\t${canonical(value)}\n`);
  return hash.digest('hex');
}
