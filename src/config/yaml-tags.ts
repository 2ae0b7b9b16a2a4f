// The two tags that bring values from outside into the file: `!env NAME`, `!env NAME:-default`, `!file path`.
// They read only what they are given a reader for. Invariant: a value from outside never appears in a message.

import type { ScalarTag } from 'yaml';

/** Where values from outside come from. */
export interface Outside {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads a text file, relative paths from the config file's folder; throws when it cannot. */
  readonly readFile: (path: string) => string;
}

const MAX_FILE_CHARACTERS = 64 * 1024;

/** Tags for YAML.parseDocument; problems are reported at the value's place. */
export function outsideTags(outside: Outside): ScalarTag[] {
  return [
    { tag: '!env', resolve: (text, onError) => resolveEnv(text, outside.env, onError) },
    { tag: '!file', resolve: (text, onError) => resolveFile(text, outside.readFile, onError) },
  ];
}

type OnError = (message: string) => void;

function resolveEnv(text: string, env: Outside['env'], onError: OnError): string {
  const match = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(text);
  const name = match?.[1];
  if (name === undefined) {
    onError('expected !env NAME or !env NAME:-default');
    return '';
  }
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  const fallback = match?.[2];
  if (fallback !== undefined) return value === undefined || value === '' ? fallback : value;
  if (value === undefined) {
    onError(`environment variable ${name} is not set and has no default; set it or write !env ${name}:-default`);
    return '';
  }
  return value;
}

function resolveFile(path: string, readFile: Outside['readFile'], onError: OnError): string {
  if (path === '') {
    onError('expected !file PATH');
    return '';
  }
  try {
    const text = readFile(path);
    if (text.length <= MAX_FILE_CHARACTERS) return text.replace(/\r?\n$/, '');
    onError(`the file named by !file is longer than ${MAX_FILE_CHARACTERS} characters`);
  } catch (error) {
    onError(`the file named by !file cannot be read (${errorCode(error)})`);
  }
  return '';
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
