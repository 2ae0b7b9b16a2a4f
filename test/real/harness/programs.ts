// Starts the driver programs and reads their reports.
// Invariant: a program that fails, hangs or prints anything but one report fails the test with its log.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type ProgramReport, readReport } from '../report.ts';
import { Child } from './child.ts';
import { cProgram, goProgram, javaClassPath, pythonBinary, ROOT } from './places.ts';

/** Those whose programs know every scenario. */
export const LANGUAGES = ['node', 'python', 'go'] as const;
export type Language = (typeof LANGUAGES)[number] | 'java' | 'c';
/** Those that know the whole script: the Java program knows nothing else, the C program a part of it. */
export const SCRIPT_LANGUAGES: readonly Language[] = [...LANGUAGES, 'java'];

const DRIVERS = join(ROOT, 'test', 'real', 'drivers');
/** Where the Node driver finds a zstd: the package that it asks for does not come from the registry alone. */
const NODE_PACKAGES = join(DRIVERS, 'node', 'packages');
const DEADLINE_MS = 240_000;

export interface ProgramOptions {
  readonly uri: string;
  /** Also the name of its database, `_` for `-`, so that every program works on data of its own. */
  readonly app: string;
  /** rush and streams: Node only; streams runs until `finish`. */
  readonly scenario: 'script' | 'owners' | 'load' | 'rush' | 'streams';
  readonly clients: number;
  readonly seconds?: number;
  readonly pauseMs?: number;
  readonly operations?: readonly string[];
  readonly callSite?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export class Program {
  readonly language: Language;
  readonly #child: Child;

  constructor(language: Language, options: ProgramOptions) {
    this.language = language;
    const [command, ...args] = commandOf(language);
    this.#child = new Child(command, [...args, ...flagsOf(options)], {
      name: `${language} program`,
      cwd: ROOT,
      env: { PYTHONDONTWRITEBYTECODE: '1', NODE_PATH: NODE_PACKAGES, ...options.env },
    });
  }

  /** Resolves when the load runs, or the streams are open (scenarios load, rush, streams). */
  async started(): Promise<void> {
    await this.#child.waitForLine(/load started/, 60_000);
  }

  /** Asks for the end and the report (scenario streams). */
  finish(): void {
    this.#child.signal('SIGTERM');
  }

  async report(): Promise<ProgramReport> {
    const timer = setTimeout(() => this.#child.signal('SIGKILL'), DEADLINE_MS);
    const end = await this.#child.ended;
    clearTimeout(timer);
    assert.deepEqual(end, { code: 0, signal: null }, this.#child.log.slice(0, 4000));
    return readReport(this.#child.stdout);
  }

  /** Ends a program whose test has failed already. */
  async stop(): Promise<void> {
    await this.#child.stop();
  }
}

/** Runs programs to their end; whatever happens, none is left running. */
export async function withPrograms<T>(programs: readonly Program[], run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } finally {
    await Promise.all(programs.map(async (program) => program.stop()));
  }
}

export async function reportsOf(programs: readonly Program[]): Promise<readonly ProgramReport[]> {
  return withPrograms(programs, async () => Promise.all(programs.map(async (program) => program.report())));
}

/** The database that a program with this name works on. */
export function databaseOf(app: string): string {
  return app.replaceAll('-', '_');
}

function commandOf(language: Language): [string, ...string[]] {
  if (language === 'go') return [goProgram()];
  if (language === 'c') return [cProgram()];
  if (language === 'java') return ['java', '-cp', javaClassPath(), 'Program'];
  if (language === 'python') return [pythonBinary(), join(DRIVERS, 'python', 'program.py')];
  return [process.execPath, '--import', 'tsx', join(DRIVERS, 'node', 'program.ts')];
}

function flagsOf(options: ProgramOptions): string[] {
  const flags = [
    '--uri',
    options.uri,
    '--app',
    options.app,
    '--db',
    databaseOf(options.app),
    '--scenario',
    options.scenario,
  ];
  flags.push('--clients', String(options.clients), '--seconds', String(options.seconds ?? 5));
  flags.push('--pause-ms', String(options.pauseMs ?? 0), '--ops', (options.operations ?? ['insert']).join(','));
  if (options.callSite !== undefined) flags.push('--call-site', options.callSite);
  return flags;
}
