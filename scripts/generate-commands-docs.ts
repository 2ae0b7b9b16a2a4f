// Writes docs/generated/commands.md from the table of commands; with --check it only compares and exits 1 on a difference.
// It holds no text about single commands. Invariant: the same table gives the same page, byte for byte.

import { fileURLToPath } from 'node:url';
import { COMMAND_ROWS, type CommandRow, MAX_USES, OPCODE, opcodeName } from '../codecs/index.ts';
import { writeOrCheck } from './generated-page.ts';

const PAGE = fileURLToPath(new URL('../docs/generated/commands.md', import.meta.url));

const COLLECTION: Readonly<Record<CommandRow['namespace'], string>> = {
  first: 'first value',
  aggregate: 'first value; the number 1 is `$cmd.aggregate`',
  getMore: '`collection`',
  fullName: 'first value, `db.collection`',
  bulkWrite: '`nsInfo[].ns`, if there is one only',
  explain: "the inner command's",
  none: '–',
  guess: 'first value if it is a string',
};

const FURTHER: Readonly<Record<CommandRow['secondary'], string>> = {
  none: '–',
  pipeline: '`$lookup`, `$graphLookup`, `$unionWith`, `$out`, `$merge`, in nested pipelines and `$facet` too',
  bulkWrite: 'each `nsInfo[].ns`, with its operations by kind',
  explain: "the inner command's",
  rename: '`to`',
  mapReduce: '`out`',
};

const KIND: Readonly<Record<CommandRow['predicate'], string>> = {
  none: '–',
  filter: '`filter`',
  query: '`query`',
  statement: '`q` of the first statement',
  match: 'a leading `$match`',
  explain: "the inner command's",
};

const LEGACY: readonly (readonly [number, string, string, string])[] = [
  [OPCODE.update, 'in the message', 'the selector', '1'],
  [OPCODE.insert, 'in the message', '–', 'its documents'],
  [
    OPCODE.query,
    "in the message; on `$cmd` it is the command's",
    "the query, or what is in its `$query`; or the command's",
    '–',
  ],
  [OPCODE.getMore, 'in the message', '–', '–'],
  [OPCODE.delete, 'in the message', 'the selector', '1'],
  [OPCODE.killCursors, '–', '–', '–'],
  [OPCODE.command, "the command's", "the command's", "the command's"],
  [OPCODE.diagnostic, '–', '–', '–'],
];

function lineOf(row: CommandRow): string {
  const names = [row.name, ...row.aliases].map((name) => `\`${name}\``).join(', ');
  const counted = row.statements === '' ? '–' : `\`${row.statements}\``;
  const cells = [names, row.access, COLLECTION[row.namespace], FURTHER[row.secondary], KIND[row.predicate], counted];
  return `| ${cells.join(' | ')} |`;
}

/** Commands that differ by their names only share a line. */
function plainLines(rows: readonly CommandRow[]): string {
  const groups = new Map<string, string[]>();
  for (const row of rows) {
    const key = `| ${row.access} | ${COLLECTION[row.namespace]} |`;
    const names = groups.get(key) ?? [];
    names.push(...[row.name, ...row.aliases].map((name) => `\`${name}\``));
    groups.set(key, names);
  }
  return Array.from(groups, ([key, names]) => `${key} ${names.join(', ')} |`).join('\n');
}

function makePage(): string {
  const isPlain = ({ secondary, predicate, statements }: CommandRow): boolean =>
    secondary === 'none' && predicate === 'none' && statements === '';
  const legacy = LEGACY.map(([opcode, ...cells]) => `| \`${opcodeName(opcode)}\` | ${opcode} | ${cells.join(' | ')} |`);
  return `# Commands

<!-- Made by scripts/generate-commands-docs.ts from codecs/command-table.ts. Do not edit. -->

What weir reads of each command to count it. The first key of a command is its name, and case counts; other spellings that servers take
are rows of their own in all counts. A command that is in none of these tables passes like every other: it is counted under its name (cut
at 120 characters, and within the cap of the operation table), and a string as its first value is taken for a collection.

## Commands of which more than the collection is read

| command | kind | its collection | further collections | query kind by | statements |
|---|---|---|---|---|---|
${COMMAND_ROWS.filter((row) => !isPlain(row))
  .map(lineOf)
  .join('\n')}

* Kinds: read, write, admin (changes or tells of the deployment, of collections or users), session (connection, login, sessions,
  transactions).
* An operation is one row of \`/api/v1/collections\` and \`/api/v1/callsites\`, under its own collection. All collections that it names are
  in \`/api/v1/namespaces\` and in \`weir_namespace_operations_total\`, each with what it is to the command. At most ${MAX_USES} are told apart in
  one command; what is beyond is counted in \`other\`. A view hides the collections behind it: weir goes by names.
* Query kinds (\`weir_query_kinds_total\`) go by \`_id\`: equal to a value (also by \`$eq\`, or \`$in\` with one element) is
  \`primary_key\`; \`$in\` is \`multi_get\`; everything else is \`scatter_get\`. The best branch of an \`$and\` counts. Of a command with
  several statements the first one counts.
* Statements are what a write holds, wherever the driver put it: in a document sequence or in an array of the body.

## All others

| kind | its collection | commands |
|---|---|---|
${plainLines(COMMAND_ROWS.filter(isPlain))}

## Opcodes that servers have removed

Pool mode refuses them. Where weir only reads along (pass-through, captures), they are counted under these names, but for \`OP_COMMAND\`
and for \`OP_QUERY\` on \`$cmd\`, which have the name of the command inside.

| name | opcode | its collection | comment and query kind by | statements |
|---|---|---|---|---|
${legacy.join('\n')}
`;
}

writeOrCheck(PAGE, makePage(), 'scripts/generate-commands-docs.ts');
