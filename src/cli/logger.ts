// The log of a running weir: JSON lines, or readable lines when standard output is a terminal. Written synchronously,
// so that nothing is lost at exit; no worker transports, because those load files by path and break in bundles.

import { pino } from 'pino';
import { PinoPretty } from 'pino-pretty';
import type { LogLevel } from '../config/config.ts';
import type { Logger } from '../core/logger.ts';

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly isTerminal: boolean;
}

/** Writes to standard output. */
export function createLogger(options: LoggerOptions): Logger {
  const settings = { level: options.level };
  if (!options.isTerminal) return pino(settings, pino.destination({ dest: 1, sync: true }));
  return pino(
    settings,
    PinoPretty({ destination: 1, sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' }),
  );
}
