// Compiles the `match` part of a limit into comparisons of whole texts, or of pieces where there is a star.
// No regular expressions: time is linear in the text whatever the pattern. Invariant: an absent part matches everything.

import type { Operation } from '../core/operation.ts';
import type { LimitMatch } from '../options.ts';

/** A text in which `*` stands for any text, the empty one too. Case counts. */
export class Glob {
  /** The pattern itself where it has no star. */
  readonly #exact: string | null;
  readonly #prefix: string;
  readonly #suffix: string;
  /** What must come in between, in this order. */
  readonly #middle: readonly string[];

  constructor(pattern: string) {
    const parts = pattern.split('*');
    this.#exact = parts.length === 1 ? pattern : null;
    this.#prefix = parts[0] ?? '';
    this.#suffix = parts.length === 1 ? '' : (parts.at(-1) ?? '');
    this.#middle = parts.slice(1, -1).filter((part) => part !== '');
  }

  matches(text: string): boolean {
    if (this.#exact !== null) return text === this.#exact;
    return this.#matchesParts(text);
  }

  #matchesParts(text: string): boolean {
    const end = text.length - this.#suffix.length;
    let at = this.#prefix.length;
    if (at > end || !text.startsWith(this.#prefix) || !text.endsWith(this.#suffix)) return false;
    for (const part of this.#middle) {
      const found = text.indexOf(part, at);
      if (found < 0 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  }
}

/** Parts that match everything are null: nothing is called for them. */
export class LimitMatcher {
  readonly #command: Glob | null;
  readonly #collection: Glob | null;
  readonly #database: Glob | null;
  readonly #callSite: Glob | null;
  readonly #app: Glob | null;

  constructor(match: LimitMatch) {
    this.#command = compile(match.command);
    this.#collection = compile(match.collection);
    this.#database = compile(match.database);
    this.#callSite = compile(match.callSite);
    this.#app = compile(match.app);
  }

  matches(operation: Operation): boolean {
    const { command } = operation;
    if (this.#callSite !== null && !this.#callSite.matches(operation.callSite)) return false;
    if (this.#collection !== null && !this.#collection.matches(command.collection)) return false;
    if (this.#command !== null && !this.#command.matches(command.name)) return false;
    if (this.#database !== null && !this.#database.matches(command.database)) return false;
    return this.#app === null || this.#app.matches(operation.client.app);
  }
}

function compile(pattern: string | undefined): Glob | null {
  return pattern === undefined || /^\*+$/.test(pattern) ? null : new Glob(pattern);
}
