// How a verb ends when it cannot do its work: one line for the person at the terminal, and the exit code.

/** Exit codes of every verb. 130 and 143 are the shell's way to name SIGINT and SIGTERM. */
export const EXIT = { ok: 0, badInput: 1, cannotStart: 2, interrupted: 130, terminated: 143 } as const;

/** Ends a verb. The message is one or more whole lines and says what to do next; it never holds a secret. */
export class CliFailure extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.name = 'CliFailure';
    this.exitCode = exitCode;
  }
}
