// Finds the test files of a group and runs them under node:test, with the Node that started this script.
// It does not know what the tests need; test/real says that itself. Invariant: the runner's `# tests`, `# pass` and
// `# fail` lines are the last output, the exit code is the runner's, and a run without a single file is an error.
//
// usage: tsx scripts/run-tests.ts [unit|property|integration|real|all-but-real|PATH]… [-- arguments for node --test]

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TEST_SUFFIX = '.test.ts';
const DEFAULT_GROUP = 'all-but-real';
/** One test may take this long before it fails. Real servers are slower and some scenarios last 20 s by design. */
const TEST_TIMEOUT_MS = 180_000;
const REAL_TEST_TIMEOUT_MS = 900_000;

interface Request {
  readonly targets: readonly string[];
  readonly runnerArguments: readonly string[];
}

function readArguments(argv: readonly string[]): Request {
  const split = argv.indexOf('--');
  const own = split === -1 ? argv : argv.slice(0, split);
  // `npm test -- --test-name-pattern=x` reaches us without a second `--`: whatever looks like a flag is the runner's.
  const targets = own.filter((argument) => !argument.startsWith('-'));
  const flags = own.filter((argument) => argument.startsWith('-'));
  return {
    targets: targets.length === 0 ? [DEFAULT_GROUP] : targets,
    runnerArguments: [...flags, ...(split === -1 ? [] : argv.slice(split + 1))],
  };
}

/** Every test file below `folder`, sorted; paths relative to the root. */
function findTestFiles(folder: string): string[] {
  const found = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : findTestFiles(path);
    return entry.name.endsWith(TEST_SUFFIX) ? [relative(ROOT, path)] : [];
  });
  return found.sort();
}

/** Files of one target: a group (a folder of test/), `all-but-real`, or a path. Throws when there is no such thing. */
function filesOf(target: string): string[] {
  if (target === DEFAULT_GROUP) {
    return findTestFiles(join(ROOT, 'test')).filter((file) => !file.startsWith(join('test', 'real')));
  }
  const path = [join(ROOT, 'test', target), join(ROOT, target)].find((candidate) => existsSync(candidate));
  if (path === undefined) throw new Error(`no group of tests and no path is called ${target}`);
  return statSync(path).isDirectory() ? findTestFiles(path) : [relative(ROOT, path)];
}

function runnerCommand(files: readonly string[], runnerArguments: readonly string[], summaryFile: string): string[] {
  const real = files.some((file) => file.startsWith(join('test', 'real')));
  return [
    '--import',
    'tsx',
    '--test',
    // Two cores are what CI has; the real servers measure and may not disturb each other.
    `--test-concurrency=${real ? 1 : 2}`,
    `--test-timeout=${real ? REAL_TEST_TIMEOUT_MS : TEST_TIMEOUT_MS}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=tap',
    `--test-reporter-destination=${summaryFile}`,
    ...runnerArguments,
    ...files,
  ];
}

/** Longer than any whole run; Node 20's runner was seen not to end after its last file had. */
const PATIENCE_MS = 1_200_000;

/** Runs Node to its end; the exit code, 1 if a signal ended it. A SIGTERM to this process is passed on. */
async function runNode(args: readonly string[]): Promise<number> {
  // A test run inside a test run would report to the outer runner instead of to its reporters.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: 'inherit' });
  const pass = (): void => {
    child.kill('SIGTERM');
  };
  process.once('SIGTERM', pass);
  const watch = setTimeout(() => {
    console.error(`the test runner did not end within ${PATIENCE_MS / 60_000} minutes, ending it`);
    child.kill('SIGKILL');
  }, PATIENCE_MS);
  return await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      process.off('SIGTERM', pass);
      clearTimeout(watch);
      resolve(code ?? 1);
    });
  });
}

/** The closing lines of a TAP report: `# tests 3`, `# suites 0`, `# pass 3` … */
function summaryOf(report: string): string[] {
  const lines = report.trimEnd().split('\n');
  const start = lines.findLastIndex((line) => line.startsWith('# tests '));
  return start === -1 ? [] : lines.slice(start).filter((line) => /^# [a-z_]+ [\d.]+$/.test(line));
}

/** The whole job; the exit code. */
async function runTests(argv: readonly string[]): Promise<number> {
  const { targets, runnerArguments } = readArguments(argv);
  let files: string[];
  try {
    files = [...new Set(targets.flatMap(filesOf))];
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
  if (files.length === 0) {
    console.error(`no test file (*${TEST_SUFFIX}) found in ${targets.join(', ')}`);
    return 1;
  }
  const folder = mkdtempSync(join(tmpdir(), 'weir-tests-'));
  try {
    const summaryFile = join(folder, 'report.tap');
    const code = await runNode(runnerCommand(files, runnerArguments, summaryFile));
    const summary = existsSync(summaryFile) ? summaryOf(readFileSync(summaryFile, 'utf8')) : [];
    console.log(summary.length === 0 ? 'the test runner ended without a summary' : `\n${summary.join('\n')}`);
    return summary.length === 0 && code === 0 ? 1 : code;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = await runTests(process.argv.slice(2));
