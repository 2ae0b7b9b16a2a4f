// Runs the script once per client, all clients at the same time, and compares what they were told.
// Invariant: every client works on collections of its own, so all of them must see the same results.
import type { Db } from 'mongodb';
import type { Deviation, ProgramReport, StepResult } from '../../report.ts';
import { canonical, digestOf } from './canonical.ts';
import { codeOf, type ErrorLedger } from './error-ledger.ts';
import type { Step } from './step.ts';
import { CRUD_STEPS } from './steps-crud.ts';
import { CURSOR_STEPS } from './steps-cursors.ts';
import { SESSION_STEPS } from './steps-sessions.ts';

const STEPS: readonly Step[] = [...CRUD_STEPS, ...CURSOR_STEPS, ...SESSION_STEPS];

export async function runScript(databases: readonly Db[], errors: ErrorLedger): Promise<Partial<ProgramReport>> {
  const all = await Promise.all(databases.map(async (db, index) => runClient(db, index, errors)));
  const first = all[0] ?? [];
  return { results: first, digest: digestOf(first), deviations: deviations(all) };
}

async function runClient(db: Db, index: number, errors: ErrorLedger): Promise<readonly StepResult[]> {
  const results: StepResult[] = [];
  const items = db.collection<{ _id: number }>(`items_${String(index)}`);
  for (const [step, run] of STEPS) {
    try {
      results.push({ step, value: await run({ db, items, index }) });
    } catch (error) {
      errors.add(step, error);
      results.push({ step, value: `error ${String(codeOf(error))}` });
    }
  }
  return results;
}

function deviations(all: readonly (readonly StepResult[])[]): readonly Deviation[] {
  const found: Deviation[] = [];
  const first = all[0] ?? [];
  for (const [client, results] of all.entries()) {
    for (const [position, { step, value }] of results.entries()) {
      const expected = first[position]?.value ?? null;
      if (found.length < 10 && canonical(expected) !== canonical(value))
        found.push({ client, step, expected, got: value });
    }
  }
  return found;
}
