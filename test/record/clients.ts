// Which clients are recorded, with their versions and how each is prepared and started.
// It starts nothing. Invariant: what a program needs lies in the cache folder of .ci/prepare.sh or comes from a package
// client that is named here.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pythonBinary, ROOT } from '../real/harness/places.ts';

export type Scenario = 'script' | 'login';

export interface RecordedClient {
  /** The file's name. */
  readonly name: string;
  /** Driver, version and language. */
  readonly client: string;
  readonly scenario: Scenario;
  readonly server: 'secantusd-rs' | 'secantusd-py';
  /** Prepares the program and gives its command line. */
  command(uri: string): Promise<string[]> | string[];
}

const CACHE = process.env['WEIR_CACHE'] ?? join(homedir(), '.cache', 'weir');
const PROGRAMS = join(ROOT, 'test', 'record', 'clients');
const PYMONGO_3 = '3.12.3';
const JAVA_DRIVER = '5.5.1';

export const PY_SERVER: string = join(CACHE, 'venv-pymongo-4.20.0', 'bin', 'secantusd-py');

function run(command: string, args: readonly string[], cwd: string = ROOT): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function node(packageName: string, scenario: Scenario): (uri: string) => string[] {
  return (uri) => [process.execPath, '--import', 'tsx', join(PROGRAMS, 'node.ts'), packageName, uri, scenario];
}

function python(interpreter: () => string, scenario: Scenario): (uri: string) => string[] {
  return (uri) => [interpreter(), join(PROGRAMS, 'python', 'program.py'), uri, scenario];
}

function oldPython(): string {
  const venv = join(CACHE, `venv-pymongo-${PYMONGO_3}`);
  const interpreter = join(venv, 'bin', 'python');
  if (!existsSync(interpreter)) run('python3', ['-m', 'venv', venv]);
  run(interpreter, ['-m', 'pip', 'install', '--quiet', `pymongo==${PYMONGO_3}`]);
  return interpreter;
}

function go(scenario: Scenario): (uri: string) => string[] {
  return (uri) => {
    const program = join(CACHE, 'record-go');
    run('go', ['build', '-buildvcs=false', '-o', program, '.'], join(PROGRAMS, 'go'));
    return [program, uri, scenario];
  };
}

function java(scenario: Scenario): (uri: string) => string[] {
  return (uri) => {
    const jars = join(CACHE, `java-driver-${JAVA_DRIVER}`);
    const folder = join(PROGRAMS, 'java');
    const classes = join(CACHE, 'record-java');
    if (!existsSync(jars))
      run('mvn', ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${jars}`], folder);
    mkdirSync(classes, { recursive: true });
    run('javac', ['-cp', join(jars, '*'), '-d', classes, join(folder, 'Program.java')]);
    return ['java', '-cp', `${classes}:${join(jars, '*')}`, 'Program', uri, scenario];
  };
}

function c(scenario: Scenario): (uri: string) => string[] {
  return (uri) => {
    const program = join(CACHE, 'record-c');
    const flags = run('pkg-config', ['--cflags', '--libs', 'libmongoc-1.0']).trim().split(/\s+/);
    run('gcc', ['-Wall', '-o', program, join(PROGRAMS, 'c', 'program.c'), ...flags]);
    return [program, uri, scenario];
  };
}

interface Kind {
  readonly name: string;
  readonly client: string;
  readonly command: (scenario: Scenario) => (uri: string) => string[];
}

const KINDS: readonly Kind[] = [
  { name: 'node-4', client: 'mongodb 4.17.2 (Node.js)', command: (scenario) => node('mongodb4', scenario) },
  { name: 'node-5', client: 'mongodb 5.9.2 (Node.js)', command: (scenario) => node('mongodb5', scenario) },
  { name: 'node-6', client: 'mongodb 6.22.0 (Node.js)', command: (scenario) => node('mongodb6', scenario) },
  { name: 'node-7', client: 'mongodb 7.9.0 (Node.js)', command: (scenario) => node('mongodb', scenario) },
  { name: 'pymongo-3.12', client: `PyMongo ${PYMONGO_3}`, command: (scenario) => python(oldPython, scenario) },
  { name: 'pymongo-4.20', client: 'PyMongo 4.20.0', command: (scenario) => python(pythonBinary, scenario) },
  { name: 'go-2', client: 'mongo-driver 2.10.0 (Go)', command: go },
  { name: 'java-5', client: `mongodb-driver-sync ${JAVA_DRIVER} (Java)`, command: java },
  { name: 'libmongoc-1.23', client: 'libmongoc 1.23.1 (C, Debian 12)', command: c },
];

/** Every client does its script and a login; mongoose has a script of its own, and one client meets the other server. */
export const CLIENTS: readonly RecordedClient[] = [
  ...KINDS.flatMap(({ name, client, command }) =>
    (['script', 'login'] as const).map((scenario) => ({
      name: `${name}-${scenario}`,
      client,
      scenario,
      server: 'secantusd-rs' as const,
      command: command(scenario),
    })),
  ),
  {
    name: 'mongoose-9-script',
    client: 'mongoose 9.12.1 (Node.js)',
    scenario: 'script',
    server: 'secantusd-rs',
    command: node('mongoose', 'script'),
  },
  {
    name: 'pymongo-4.20-py-server',
    client: 'PyMongo 4.20.0',
    scenario: 'script',
    server: 'secantusd-py',
    command: python(pythonBinary, 'script'),
  },
];
