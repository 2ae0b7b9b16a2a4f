// What a fault relay does to which message: rules as plain values, and the counting that finds the one which is due.
// It touches no socket and no clock. Invariant: a rule counts every message that it describes, struck or not, so that
// "the third" and "every tenth" mean the same whatever other rules do.

/** request: from the client to the server; reply: back. */
export type Way = 'request' | 'reply';

/** What happens to one message; everything before and behind it passes. */
export type Deed =
  /** So many of its bytes pass, then the connection ends in order, breaks, or says nothing more this way. */
  | { readonly do: 'cut'; readonly after: number; readonly ending: 'close' | 'reset' | 'silence' }
  /** It passes, then its sender is heard to end, while the other way goes on. */
  | { readonly do: 'half_close' }
  | { readonly do: 'delay'; readonly ms: number }
  /** This one and all behind it on the same way of the same connection. */
  | { readonly do: 'throttle'; readonly bytesPerSecond: number }
  /** In pieces of so many bytes, each in a write of its own. */
  | { readonly do: 'split'; readonly bytes: number }
  /** It passes so often. */
  | { readonly do: 'repeat'; readonly times: number }
  /** Its responseTo is another one. */
  | { readonly do: 'misaddress'; readonly by: number }
  /** These bytes pass in its place. */
  | { readonly do: 'replace'; readonly with: Buffer };

export interface FaultRule {
  readonly way: Way;
  readonly deed: Deed;
  /** Only on connections whose hello named this application (`weir pool`, `weir monitor`, a driver's appName). */
  readonly app?: string;
  /** Only this command: what the request is, or what the reply answers. */
  readonly command?: string;
  /** Only on the connection that was accepted as the n-th, from 1. */
  readonly connection?: number;
  /** Only the n-th that the rest of the rule describes, from 1. */
  readonly nth?: number;
  /** Only each n-th that the rest of the rule describes. */
  readonly every?: number;
}

/** One message as a rule sees it. */
export interface Described {
  readonly way: Way;
  readonly app: string;
  readonly command: string;
  readonly connection: number;
}

export class FaultScript {
  readonly #rules: readonly FaultRule[];
  readonly #seen: number[];
  /** How often each rule struck, in the order of the rules. */
  readonly struck: number[];

  constructor(rules: readonly FaultRule[] = []) {
    this.#rules = rules;
    this.#seen = rules.map(() => 0);
    this.struck = rules.map(() => 0);
  }

  /** The deed of the first rule that is due; every rule that describes the message counts it. */
  deedFor(message: Described): Deed | null {
    let due: Deed | null = null;
    for (const [index, rule] of this.#rules.entries()) {
      if (!describes(rule, message)) continue;
      const count = (this.#seen[index] ?? 0) + 1;
      this.#seen[index] = count;
      if (due !== null || !isDue(rule, count)) continue;
      this.struck[index] = (this.struck[index] ?? 0) + 1;
      due = rule.deed;
    }
    return due;
  }
}

function describes(rule: FaultRule, message: Described): boolean {
  return (
    rule.way === message.way &&
    (rule.app === undefined || rule.app === message.app) &&
    (rule.command === undefined || rule.command === message.command) &&
    (rule.connection === undefined || rule.connection === message.connection)
  );
}

function isDue({ nth, every }: FaultRule, count: number): boolean {
  if (nth !== undefined) return count === nth;
  return every === undefined || count % every === 0;
}
