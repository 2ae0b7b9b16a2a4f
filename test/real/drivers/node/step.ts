// What a step of the script is. Invariant: a step's value never names its client or anything random.
import type { Collection, Db } from 'mongodb';
import type { ResultValue } from '../../report.ts';

/** The script's documents, as far as the steps read them. */
export interface Item {
  _id: number;
  n?: number;
  tag?: string;
}

export interface StepContext {
  readonly db: Db;
  /** A collection of this client alone. */
  readonly items: Collection<Item>;
  readonly index: number;
}

export type Step = readonly [name: string, run: (context: StepContext) => Promise<ResultValue>];
