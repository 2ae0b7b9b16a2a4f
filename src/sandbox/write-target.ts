// Where the statements of a write command go. Invariant: the name was checked; the collection may not exist yet.

import type { ServerState } from './command.ts';
import type { Doc } from './documents.ts';

/** See the head of the file. */
export interface WriteTarget {
  readonly server: ServerState;
  readonly database: string;
  readonly name: string;
  /** `let` of the command. */
  readonly variables: Doc | undefined;
}
