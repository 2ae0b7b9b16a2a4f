// Errors as the application sees them, counted by place, code and labels.
// Invariant: bounded: one row per place, code and label set; the first message of each is kept.
import { MongoError } from 'mongodb';
import type { ErrorRow } from '../../report.ts';

export class ErrorLedger {
  readonly #rows = new Map<string, { row: ErrorRow; count: number }>();

  add(where: string, error: unknown): void {
    const code = codeOf(error);
    const labels = error instanceof MongoError ? [...error.errorLabels].sort() : [];
    const key = JSON.stringify([where, code, labels]);
    const known = this.#rows.get(key);
    if (known !== undefined) known.count += 1;
    else
      this.#rows.set(key, { row: { where, code, labels, message: String(error).slice(0, 300), count: 0 }, count: 1 });
  }

  rows(): readonly ErrorRow[] {
    return [...this.#rows.values()].map(({ row, count }) => ({ ...row, count }));
  }
}

/** The server's error code, 0 when the error carries none. */
export function codeOf(error: unknown): number {
  const code: unknown = error instanceof MongoError ? error.code : 0;
  return typeof code === 'number' ? code : 0;
}
