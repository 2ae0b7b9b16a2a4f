// What `weir start` was told, by file and flags, as options. It starts nothing.

import type { Config, LogLevel } from '../config/config.ts';
import { defaultConfig } from '../config/load.ts';
import { applyOverrides } from '../config/overrides.ts';
import { formatProblems } from '../config/problem.ts';
import { toOptions } from '../config/to-options.ts';
import type { WeirOptions } from '../options.ts';
import { readConfigFile } from './config-file.ts';
import { CliFailure, EXIT } from './failure.ts';
import type { Io } from './io.ts';

/** Flags as commander hands them over. */
export type StartFlags = Readonly<Record<string, string | boolean | undefined>>;

export interface StartPlan {
  readonly options: WeirOptions;
  readonly logLevel: LogLevel;
  readonly requireUpstream: boolean;
}

/** Throws CliFailure: 1 for mistakes, 2 when all is written right but asks for what is not built. */
export function readStartPlan(flags: StartFlags, io: Io): StartPlan {
  const file = text(flags, 'config');
  const base = file === undefined ? defaultConfig() : readFileOrFail(file, io);
  const overrides = {
    listen: text(flags, 'listen'),
    upstream: text(flags, 'upstream'),
    maxUpstream: text(flags, 'maxUpstream'),
    admin: text(flags, 'admin'),
    mode: text(flags, 'mode'),
    logLevel: text(flags, 'logLevel'),
  };
  const config = applyOverrides(base, overrides, (path) => io.readFile(path));
  if (!config.ok) {
    throw new CliFailure(config.refusal ? EXIT.cannotStart : EXIT.badInput, `weir: ${config.sentence}`);
  }
  return {
    options: toOptions(config.value),
    logLevel: config.value.log.level,
    requireUpstream: flags['requireUpstream'] === true,
  };
}

function readFileOrFail(file: string, io: Io): Config {
  const result = readConfigFile(file, io);
  if (result.ok) return result.config;
  const onlyRefusals = result.problems.every((problem) => problem.refusal);
  const lines = formatProblems(file, result.problems).join('\n');
  throw new CliFailure(onlyRefusals ? EXIT.cannotStart : EXIT.badInput, lines);
}

function text(flags: StartFlags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
}
