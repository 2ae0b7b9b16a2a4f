// The page docs/sandbox-differences.md, made of the table of known differences.
// Invariant: the same table gives the same text.

import { KNOWN_DIFFERENCES, type Side } from './known-differences.ts';
import { SCRIPT } from './script.ts';

const HEAD = `# Where the sandbox differs

The sandbox (\`weir sandbox\`, \`startSandbox\`) is a fixture for tests and demos, not a database. Its rules are compared with a
server, secantusd-rs, by a script of ${SCRIPT.length} commands: orders of BSON types, sorts, projections, filters, updates, unique
indexes, bulkWrite, retried writes, pipelines. \`npm run test:real -- test/real/sandbox-rules.test.ts\` runs it on both; a difference
that is not listed here, or that is gone, fails that test. This page is made of \`test/real/sandbox-rules/known-differences.ts\`:
\`UPDATE_GOLDEN=1\` rewrites it.

What the script does not compare: wording of errors, times, and the type of numbers. The sandbox stores an int64 or a whole double
within ±2^53 as the number it is and gives it back as int32 or double, so \`$type\` cannot tell 5 from int64 5. Decimals are stored,
compared and sorted, but \`$inc\`, \`$mul\` and pipelines do not compute with them. There are no transactions, views, change streams,
text and geo indexes, \`$where\`, \`$text\` and \`$jsonSchema\`; filters ignore collation but for comparing texts.

Of ${SCRIPT.length} commands, ${KNOWN_DIFFERENCES.length} are answered differently:

| command | whose answer is MongoDB's | difference |
| --- | --- | --- |
`;

const SIDES: Readonly<Record<Side, string>> = { sandbox: 'the sandbox', server: 'the server', open: 'not known' };

/** The whole page. */
export function differencesPage(): string {
  return `${HEAD}${KNOWN_DIFFERENCES.map(({ rule, right, why }) => `| ${rule} | ${SIDES[right]} | ${why} |\n`).join('')}`;
}
