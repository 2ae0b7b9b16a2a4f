// What components may ask of a logger. pino satisfies it; tests pass `silentLogger` or a recorder.
// Lines are one sentence, lower case, no period; fields are snake_case and never hold document values.

/** Fields beside the sentence. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(fields: LogFields, sentence: string): void;
  info(fields: LogFields, sentence: string): void;
  warn(fields: LogFields, sentence: string): void;
  error(fields: LogFields, sentence: string): void;
}

const nothing = (): void => {};

/** Drops everything. */
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
