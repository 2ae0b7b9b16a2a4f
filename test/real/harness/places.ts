// Where the real servers and drivers are: one cache folder outside the checkout, filled by .ci/prepare.sh.
// It installs nothing. Invariant: a missing piece is an error that says which command brings it.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CACHE = process.env['WEIR_CACHE'] ?? join(homedir(), '.cache', 'weir');

/** The top of the checkout. */
export const ROOT: string = fileURLToPath(new URL('../../..', import.meta.url));

/** Path of a cached file; throws when the preparation has not been run. */
function cached(...path: string[]): string {
  const full = join(CACHE, ...path);
  if (!existsSync(full))
    throw new Error(`${full} is missing: run \`bash .ci/prepare.sh\` once (needs Python, Go, Java, Rust)`);
  return full;
}

/** The database server, secantusd-rs. */
export function serverBinary(): string {
  return cached('secantus-mdb-0.5.3-beta.193', 'bin', 'secantusd-rs');
}

/** The interpreter of the virtual environment that holds PyMongo. */
export function pythonBinary(): string {
  return cached('venv-pymongo-4.20.0', 'bin', 'python');
}

/** The built Go driver program; throws when it is older than its sources. */
export function goProgram(): string {
  const program = cached('driver-go', 'program');
  refuseOlder(program, 'go');
  return program;
}

/** The built libmongoc driver program; throws when it is older than its sources. */
export function cProgram(): string {
  const program = cached('driver-c', 'program');
  refuseOlder(program, 'c');
  return program;
}

/** Class path of the compiled Java driver program; throws when it is older than its sources. */
export function javaClassPath(): string {
  const classes = cached('driver-java', 'classes');
  refuseOlder(join(classes, 'Program.class'), 'java');
  return `${join(cached('driver-java', 'lib'), '*')}:${classes}`;
}

function refuseOlder(program: string, language: string): void {
  const sources = join(ROOT, 'test', 'real', 'drivers', language);
  const newest = Math.max(...readdirSync(sources).map((file) => statSync(join(sources, file)).mtimeMs));
  if (statSync(program).mtimeMs < newest)
    throw new Error(`${program} is older than its sources: run \`bash .ci/prepare.sh\``);
}

/** weir as users start it; `npm run build` makes it. */
export function weirEntry(): string {
  const entry = join(ROOT, 'dist', 'src', 'cli', 'main.js');
  if (!existsSync(entry)) throw new Error('dist/ is missing: run `npm run build`');
  return entry;
}
