// What an application may see while its server is away, and what of its writes is there afterwards.
// It starts nothing. Invariant: whatever is not listed is a mistake of weir.
import { MongoClient } from 'mongodb';
import type { ErrorRow } from '../report.ts';
import { databaseOf } from './programs.ts';

/** Every _id that the load of this application stored. */
export async function storedIds(uri: string, app: string, clients: number): Promise<ReadonlySet<string>> {
  const client = new MongoClient(uri);
  const ids = new Set<string>();
  try {
    const db = client.db(databaseOf(app));
    const names = ['load', ...Array.from({ length: clients }, (_, index) => `txn_${app}-${String(index)}`)];
    for (const name of names) {
      for await (const { _id } of db.collection<{ _id: string }>(name).find({})) ids.add(_id);
    }
  } finally {
    await client.close();
  }
  return ids;
}

/** What an application may see while its server is away: protocol.md 5.5, 5.6 and what the dead process forgot. */
export function isAllowed({ where, code, labels }: ErrorRow): boolean {
  const has = (label: string): boolean => labels.includes(label);
  // The wait for a connection passed weir's own bound: refused, and not to be tried again at once.
  if (code === 462) return has('SystemOverloadedError') && !has('RetryableWriteError');
  if (where === 'find') return code === 43 || (code === 6 && !has('RetryableWriteError'));
  if (where === 'insert') return code === 11_000 || (code === 6 && has('RetryableWriteError'));
  if (code === 251) return true;
  return code === 6 && (has('TransientTransactionError') || has('UnknownTransactionCommitResult'));
}
