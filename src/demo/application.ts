// One sample application: a MongoClient whose workers run journeys with pauses between them, as a web server would.
// It knows no weir. Invariant: after close() no worker starts anything new and the client is closed.

import { type Collection, type Document, MongoClient, MongoServerError } from 'mongodb';
import type { Clock, Random } from '../core/clock.ts';
import type { Comment, CommentForm } from './comments.ts';

/** The documents of the demo have ids that they choose themselves. */
export interface DemoDocument extends Document {
  readonly _id: string | number;
}

export interface DatabaseNames {
  readonly shop: string;
  readonly catalogue: string;
}

/** What a journey works with. */
export interface Desk {
  readonly names: DatabaseNames;
  readonly random: Random;
  collection(database: keyof DatabaseNames, name: string): Collection<DemoDocument>;
  /** The comment of a request, in the application's notation unless another is given. */
  comment(callSite: string, form?: CommentForm): Comment;
  /** A whole number from 0 to below `below`. */
  pick(below: number): number;
}

/** What a user of the application does: one or a few operations. */
export interface Journey {
  /** How often, beside the other journeys. */
  readonly share: number;
  readonly run: (desk: Desk) => Promise<void>;
}

export interface ApplicationPlan {
  readonly name: string;
  /** All of the client: its pool and the one connection of its monitor. */
  readonly connections: number;
  /** Pause between two journeys of one worker, on average. */
  readonly pauseMs: number;
  readonly form: CommentForm;
  readonly journeys: readonly Journey[];
}

export interface ApplicationParts {
  readonly uri: string;
  readonly names: DatabaseNames;
  readonly clock: Clock;
  readonly random: Random;
}

/** The code of weir's refusals (protocol: IngressRequestRateLimitExceeded). */
const REFUSED = 462;
const CLOSE_MS = 1000;
/** After a failure that is no refusal: the server may be gone. */
const FAILURE_PAUSE_MS = 500;

export class Application {
  readonly name: string;
  /** Journeys that failed otherwise than by a refusal. */
  failed = 0;
  lastFailure = '';
  readonly #plan: ApplicationPlan;
  readonly #parts: ApplicationParts;
  readonly #client: MongoClient;
  readonly #desk: Desk;
  #running: Promise<void> = Promise.resolve();
  #isClosing = false;

  constructor(plan: ApplicationPlan, parts: ApplicationParts) {
    this.name = plan.name;
    this.#plan = plan;
    this.#parts = parts;
    const pool = plan.connections - 1;
    this.#client = new MongoClient(parts.uri, {
      appName: plan.name,
      minPoolSize: pool,
      maxPoolSize: pool,
      maxConnecting: pool,
    });
    this.#desk = createDesk(this.#client, plan, parts);
  }

  /** Fills the pool and lets every connection have its worker, in the background. */
  start(): void {
    this.#running = this.#run();
  }

  /** Ends within two seconds, whatever the server does. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const { clock } = this.#parts;
    await within(clock, CLOSE_MS, this.#running);
    await within(clock, CLOSE_MS, this.#client.close());
  }

  async #run(): Promise<void> {
    const pool = this.#plan.connections - 1;
    // As many at once as the pool may hold: a driver opens connections as long as operations wait for one.
    const admin = this.#client.db('admin');
    const pings = Array.from({ length: pool }, async () => admin.command({ ping: 1 }));
    await Promise.all(pings).catch((error: unknown) => this.#countFailure(error));
    await Promise.all(Array.from({ length: pool }, async () => this.#work()));
  }

  async #work(): Promise<void> {
    const { random } = this.#parts;
    await this.#pause(this.#plan.pauseMs * random());
    while (!this.#isClosing) {
      const isFine = await this.#runJourney();
      await this.#pause(isFine ? this.#plan.pauseMs * (0.5 + random()) : FAILURE_PAUSE_MS);
    }
  }

  /** False after a failure that is no refusal. */
  async #runJourney(): Promise<boolean> {
    try {
      await chooseJourney(this.#plan.journeys, this.#parts.random()).run(this.#desk);
      return true;
    } catch (error) {
      // A refusal, after the driver's own retries, is what the limit is for.
      if (error instanceof MongoServerError && error.code === REFUSED) return true;
      this.#countFailure(error);
      return false;
    }
  }

  /** Closing makes operations fail: that is no news. */
  #countFailure(error: unknown): void {
    if (this.#isClosing) return;
    this.failed += 1;
    this.lastFailure = error instanceof Error ? error.message : String(error);
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#parts.clock.setTimer(ms, resolve);
    });
  }
}

function createDesk(client: MongoClient, plan: ApplicationPlan, { names, random }: ApplicationParts): Desk {
  return {
    names,
    random,
    collection: (database, name) => client.db(names[database]).collection<DemoDocument>(name),
    comment: (callSite, form = plan.form) => form(callSite, random),
    pick: (below) => Math.floor(random() * below),
  };
}

/** The journey that a number in [0, 1) stands for. */
export function chooseJourney(journeys: readonly Journey[], chance: number): Journey {
  let left = chance * journeys.reduce((sum, { share }) => sum + share, 0);
  for (const journey of journeys) {
    left -= journey.share;
    if (left < 0) return journey;
  }
  const last = journeys.at(-1);
  if (last === undefined) throw new RangeError('an application without journeys');
  return last;
}

/** Waits for work to end, at most so long; failures count as ended. */
export async function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  await new Promise<void>((resolve) => {
    const patience = clock.setTimer(ms, resolve);
    const end = (): void => {
      patience.cancel();
      resolve();
    };
    work.then(end, end);
  });
}
