// Writes docs/generated/configuration.md from the config schema; with --check it writes nothing and exits with 1 when
// the page is not what the schema says. Run from anywhere: paths are relative to this file.

import { fileURLToPath, pathToFileURL } from 'node:url';
import { listNotBuilt } from '../src/config/not-built.ts';
import { type KeyReference, listKeys } from '../src/config/reference.ts';
import { writeOrCheck } from './generated-page.ts';

const PAGE = fileURLToPath(new URL('../docs/generated/configuration.md', import.meta.url));
const SCRIPT = 'scripts/generate-configuration-docs.ts';

/** The whole page. */
export function renderPage(): string {
  return [
    '# Configuration',
    '',
    `<!-- Generated from src/config/schema.ts by \`npx tsx ${SCRIPT}\`. Do not edit. -->`,
    '',
    'One YAML file, checked as a whole before anything starts: an unknown key, a wrong value or a name that does not exist is an error with',
    'its line and column. `weir check FILE` does only that. Without a file the defaults below and the flags of `weir start` are enough.',
    '',
    '* durations: `250ms`, `5s`, `10m`, `1h`; rates: `50/s`, `3000/m`, `10/h`; addresses: `host:port`, `[ipv6]:port`.',
    "* `!env NAME` and `!env NAME:-default` take a value from the environment, `!file PATH` from a file (path from the config file's folder;",
    '  one newline at its end is dropped). The default also stands in for a variable that is set but empty.',
    '* patterns: `*` stands for any text, everything else for itself.',
    '* What weir understands but does not do yet is refused with exit code 2; other mistakes give exit code 1.',
    '* Passwords never show: not in logs, metrics, errors or the API. On a command line other users of the machine can read them: use a file.',
    '',
    '## Keys',
    '',
    'A changed value takes effect as the last column says.',
    '',
    '| key | type | default | meaning | takes effect |',
    '|---|---|---|---|---|',
    ...listKeys().map(renderKey),
    '',
    '## Not built yet',
    '',
    'These are errors that say so; nothing is silently ignored.',
    '',
    '| key or value | what |',
    '|---|---|',
    ...listNotBuilt().map(([place, what]) => `| \`${place}\` | ${cell(what)} |`),
    '',
  ].join('\n');
}

function renderKey(key: KeyReference): string {
  const takesEffect = key.applies === 'restart' ? 'at restart' : 'at once';
  const words = key.isRequired ? 'required' : '-';
  // Defaults that another key decides are sentences, the others are as one would write them.
  const defaultText =
    key.defaultText === null ? words : key.defaultText.includes(' ') ? key.defaultText : `\`${key.defaultText}\``;
  return `| \`${key.place}\` | ${cell(key.type)} | ${cell(defaultText)} | ${cell(key.meaning)} | ${takesEffect} |`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeOrCheck(PAGE, renderPage(), SCRIPT);
}
