// Writes docs/generated/errors.md from the tables of errors; with --check it only compares and exits 1 on a difference.
// It holds no text about single errors. Invariant: the same tables give the same page, byte for byte.

import { fileURLToPath } from 'node:url';
import { DECODE_REASONS, STATE_CHANGES } from '../codecs/index.ts';
import { ERROR_TABLE, SILENCES } from '../src/core/error-table.ts';
import { writeOrCheck } from './generated-page.ts';

const PAGE = fileURLToPath(new URL('../docs/generated/errors.md', import.meta.url));

const REACTIONS = { close: 'closed, no answer', reply_close: 'answered, then closed', reply: 'answered' } as const;

function line(...cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function answerLines(isLoss: boolean): string {
  return Object.entries(ERROR_TABLE)
    .filter(([name]) => name.startsWith('lost_') === isLoss)
    .map(([name, { code, codeName, labels, when, effect }]) =>
      line(`\`${name}\``, `${String(code)} ${codeName}`, labels.join(', ') || '–', when, effect),
    )
    .join('\n');
}

function decodeLines(): string {
  return Object.entries(DECODE_REASONS)
    .map(([name, { reaction, code, codeName, message }]) =>
      line(`\`${name}\``, code === 0 ? '–' : `${String(code)} ${codeName}`, REACTIONS[reaction], message),
    )
    .join('\n');
}

function makePage(): string {
  return `# Errors

<!-- Made by scripts/generate-errors.ts from src/core/error-table.ts and codecs/errors.ts. Do not edit. -->

What weir itself says to applications. Every answer is \`{ok: 0, errmsg, code, codeName}\`, with \`errorLabels\` where the table has some, and the
connection stays open. In the metrics these have the origin \`proxy\`. What the server says is passed on as it came, but for the last section.

## Refused, or ended here

| name | code | labels | when | what a driver makes of it |
|---|---|---|---|---|
${answerLines(false)}

\`limit_refused\` and \`queue_full\` carry \`baseBackoffMS\` for clients whose hello says that they understand it.

## The connection to the server was lost

| name | code | labels | the request was | what a driver makes of it |
|---|---|---|---|---|
${answerLines(true)}

If it is certain that nothing was sent (no server could be reached until the deadline, or the connection broke before the first byte), each of them
carries \`NoWritesPerformed\` as well, and the driver may try again whatever it was.

## Requests that cannot be read

The name is also the reason in \`weir_decode_errors_total\`. In answers of the server each of them costs the connection to the server, and the client is
told as in the section above.

| name | code | the client's connection | meaning |
|---|---|---|---|
${decodeLines()}

## Where nothing is said

| when | instead |
|---|---|
${SILENCES.map(({ when, instead }) => line(when, instead)).join('\n')}

## Answers of the server that are changed

Behind the face of a mongos the server's role may change without the topology that clients see. So these codes, at the root of an answer, in
\`writeErrors\` and in \`writeConcernError\`, become 6 HostUnreachable; the texts that old drivers look for are blanked, \`topologyVersion\` is left
out, and the labels stay as the server set them.

| code | name |
|---|---|
${Array.from(STATE_CHANGES, ([code, name]) => line(String(code), name)).join('\n')}
`;
}

writeOrCheck(PAGE, makePage(), 'scripts/generate-errors.ts');
