// Many clients ask one short thing of one collection for a number of seconds: each reads documents that only it asks for.
// Invariant: an answer that is not the one to this client's last question is counted, whoever it was meant for.
import type { Db } from 'mongodb';
import type { LatencyRow, ProgramReport, StepResult } from '../../report.ts';
import { comment } from './comment.ts';
import type { ErrorLedger } from './error-ledger.ts';

interface Page {
  _id: string;
}

/** Documents of each client, asked for in turn. */
const PAGES = 16;
const TAKEN_PER_CLIENT = 10_000;

interface Reader {
  readonly latencies: number[];
  asked: number;
  wrong: number;
}

export async function runRush(
  databases: readonly Db[],
  errors: ErrorLedger,
  { seconds }: { readonly seconds: number },
): Promise<Partial<ProgramReport>> {
  const pages = databases[0]?.collection<Page>('pages');
  await pages?.drop();
  await pages?.insertMany(databases.flatMap((_, index) => Array.from({ length: PAGES }, (__, at) => page(index, at))));
  process.stderr.write('load started\n');
  const endMs = performance.now() + seconds * 1000;
  const readers = await Promise.all(databases.map(async (db, index) => read(db, index, { errors, endMs })));
  const results = readers.map(({ asked, wrong }, index): StepResult => {
    return { step: `reader ${String(index)}`, value: [asked, wrong] };
  });
  return { results, latencies: [latencyRow(readers)] };
}

function page(index: number, at: number): Page {
  return { _id: `${String(index)}-${String(at % PAGES)}` };
}

async function read(
  db: Db,
  index: number,
  { errors, endMs }: { readonly errors: ErrorLedger; readonly endMs: number },
): Promise<Reader> {
  const pages = db.collection<Page>('pages');
  const reader: Reader = { latencies: [], asked: 0, wrong: 0 };
  while (performance.now() < endMs) {
    const wanted = page(index, reader.asked++);
    const startedMs = performance.now();
    try {
      const found = await pages.find(wanted, { comment: comment('node.rush') }).toArray();
      if (found.length !== 1 || found[0]?._id !== wanted._id) reader.wrong += 1;
    } catch (error) {
      errors.add('find', error);
      return reader;
    }
    if (reader.latencies.length < TAKEN_PER_CLIENT) reader.latencies.push(performance.now() - startedMs);
  }
  return reader;
}

function latencyRow(readers: readonly Reader[]): LatencyRow {
  const all = readers.flatMap(({ latencies }) => latencies).sort((a, b) => a - b);
  const at = (share: number): number =>
    Math.round((all[Math.min(all.length - 1, Math.floor(all.length * share))] ?? 0) * 10) / 10;
  return { operation: 'find', count: all.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}
