// `weir check FILE`: validates a config file. It connects to nothing.

import { formatProblems } from '../config/problem.ts';
import { readConfigFile } from './config-file.ts';
import { EXIT } from './failure.ts';
import type { Io } from './io.ts';

/** 0 and a line of what the file holds, or 1 and one line per problem. */
export function runCheck(file: string, io: Io): number {
  const result = readConfigFile(file, io);
  if (!result.ok) {
    for (const line of formatProblems(file, result.problems)) io.err(line);
    return EXIT.badInput;
  }
  const { listeners, clusters, limits } = result.config;
  io.out(`${file}: ok: ${count(listeners, 'listener')}, ${count(clusters, 'cluster')}, ${count(limits, 'limit')}`);
  return EXIT.ok;
}

function count(list: readonly unknown[], noun: string): string {
  return `${list.length} ${noun}${list.length === 1 ? '' : 's'}`;
}
