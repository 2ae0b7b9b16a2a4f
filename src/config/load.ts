// From the text of a config file to a checked Config, or to all its problems with their places. Reads no file, no
// environment and no clock by itself. Invariant: a Config is returned only when nothing at all was wrong.

import { type Document, LineCounter, parseDocument, visit, type YAMLError } from 'yaml';
import type { Config } from './config.ts';
import { type CrossProblem, crossCheck } from './cross-check.ts';
import { explainIssue } from './explain.ts';
import { readPemFiles } from './pem-files.ts';
import { Places } from './places.ts';
import type { ConfigProblem } from './problem.ts';
import { configSchema } from './schema.ts';
import type { ReadFile } from './upstream-tls.ts';
import { type Outside, outsideTags } from './yaml-tags.ts';

/** The text, and where values from outside come from. */
export interface ConfigSource extends Outside {
  readonly text: string;
}

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

const MAX_TEXT_CHARACTERS = 1024 * 1024;
/** Aliases may not multiply the text: the "billion laughs" guard of the YAML library. */
const MAX_ALIAS_COUNT = 100;

/** Parses and checks a whole file. */
export function loadConfig(source: ConfigSource): ConfigResult {
  if (source.text.length > MAX_TEXT_CHARACTERS) {
    return failAt({ line: 1, column: 1 }, `the file is longer than ${MAX_TEXT_CHARACTERS} characters`);
  }
  const lines = new LineCounter();
  const document = parseDocument(source.text, {
    lineCounter: lines,
    prettyErrors: false,
    // Nothing is printed from in here; warnings are read below.
    logLevel: 'error',
    customTags: outsideTags(source),
  });
  const places = new Places(document, lines);
  const mistakes = [...document.errors, ...document.warnings];
  if (mistakes.length > 0) {
    return { ok: false, problems: mistakes.map((mistake) => explainSyntax(mistake, places)) };
  }
  const dangling = findDanglingAliases(document, places);
  if (dangling.length > 0) return { ok: false, problems: dangling };
  const values = toValues(document);
  if (values === undefined) return failAt({ line: 1, column: 1 }, 'aliases multiply this file beyond reason');
  if (values === null) return failAt({ line: 1, column: 1 }, 'the file is empty; write {} to take every default');
  return check(values, places, source.readFile);
}

/** The config of a weir that was given no file. */
export function defaultConfig(): Config {
  return configSchema.parse({});
}

function check(values: unknown, places: Places, readFile: ReadFile): ConfigResult {
  const result = configSchema.safeParse(values);
  if (!result.success) {
    return { ok: false, problems: result.error.issues.flatMap((issue) => explainIssue(issue, places, values)) };
  }
  const crossed = [...crossCheck(result.data), ...findSaidTwice(result.data, places)];
  if (crossed.length > 0) return failWith(crossed, places);
  const read = readPemFiles(result.data, readFile);
  if (read.problems.length === 0) return { ok: true, config: read.config };
  const unreadable = read.problems.map(({ cluster, key, sentence }) => ({
    path: ['clusters', cluster, key],
    sentence,
  }));
  return failWith(unreadable, places);
}

function failWith(problems: readonly CrossProblem[], places: Places): ConfigResult {
  return {
    ok: false,
    problems: problems.map(({ path, sentence }) => ({ ...places.ofValue(path), sentence, refusal: false })),
  };
}

/** What the uri says of the pool counts; said under `pool` as well, one of the two would be ignored. */
function findSaidTwice({ clusters }: Config, places: Places): readonly CrossProblem[] {
  return clusters.flatMap(({ uri }, index) =>
    Object.keys(uri.pool ?? {})
      .filter((key) => places.isWritten(['clusters', index, 'pool', key]))
      .map((key) => ({
        path: ['clusters', index, 'pool', key],
        sentence: `${key} is given by an option of the uri as well: keep one of them`,
      })),
  );
}

function toValues(document: Document.Parsed): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIAS_COUNT });
  } catch {
    return undefined;
  }
}

/** The library finds these only while it builds values, and then without a place. */
function findDanglingAliases(document: Document.Parsed, places: Places): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const sentence = 'this alias stands for an anchor that the file does not set before it';
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document) !== undefined) return;
      problems.push({ ...places.at(alias.range?.[0] ?? 0), sentence, refusal: false });
    },
  });
  return problems;
}

function explainSyntax(mistake: YAMLError, places: Places): ConfigProblem {
  return { ...places.at(mistake.pos[0]), sentence: syntaxSentence(mistake), refusal: false };
}

function syntaxSentence(mistake: YAMLError): string {
  const unknownTag = /^Unresolved tag: (\S+)/.exec(mistake.message)?.[1];
  if (unknownTag === '!env' || unknownTag === '!file')
    return `${unknownTag} stands before one plain text, such as !env NAME:-default`;
  if (unknownTag !== undefined) return `unknown tag ${unknownTag}, known: !env NAME:-default, !file PATH`;
  switch (mistake.code) {
    case 'TAG_RESOLVE_FAILED':
      return mistake.message;
    case 'MULTIPLE_DOCS':
      return 'the file holds several YAML documents, weir takes one';
    case 'DUPLICATE_KEY':
      return 'this key is given twice';
    default:
      // What stands behind a colon, percent sign or backslash is a piece of the file, which may be a piece of a secret.
      return `not YAML: ${(mistake.message.split('\n', 1)[0] ?? '').replace(/(?:: | %| \\).*$/, '')}`;
  }
}

function failAt(place: { readonly line: number; readonly column: number }, sentence: string): ConfigResult {
  return { ok: false, problems: [{ ...place, sentence, refusal: false }] };
}
