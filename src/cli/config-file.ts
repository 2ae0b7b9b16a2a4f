// Reads a config file from disk for the verbs that take one. Checking it is config/'s work.

import { dirname, resolve } from 'node:path';
import { type ConfigResult, loadConfig } from '../config/load.ts';
import { CliFailure, EXIT } from './failure.ts';
import type { Io } from './io.ts';

/** Loads and checks; throws CliFailure when the file itself cannot be read. */
export function readConfigFile(file: string, io: Io): ConfigResult {
  let text: string;
  try {
    text = io.readFile(file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new CliFailure(EXIT.badInput, `weir: cannot read the config file ${file} (${code}); give its path`);
  }
  return loadConfig({ text, env: io.env, readFile: (path) => io.readFile(resolve(dirname(file), path)) });
}
