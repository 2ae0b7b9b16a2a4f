// Runs every check that needs no server, one after the other: format, lint, types, dead code, package, generated docs.
// It fixes nothing (`npm run format` does). Invariant: all steps run even when one fails; the exit code is 1 if any did.
//
// usage: tsx scripts/check.ts [STEP]…   (no name: all of them)

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

interface Step {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

const tool = (name: string): string => join(ROOT, 'node_modules', '.bin', name);

/** Pages that are made from code: each scripts/generate-X.ts with --check fails when its page is stale. */
function generatedPages(): Step[] {
  return readdirSync(join(ROOT, 'scripts'))
    .filter((file) => file.startsWith('generate-') && file.endsWith('.ts'))
    .sort()
    .map((file) => ({
      name: file.replace(/^generate-|\.ts$/g, ''),
      command: process.execPath,
      args: ['--import', 'tsx', join('scripts', file), '--check'],
    }));
}

function allSteps(): Step[] {
  return [
    // Fast rules and layout; --error-on-warnings because there is no such thing as an accepted warning.
    { name: 'biome', command: tool('biome'), args: ['check', '--error-on-warnings'] },
    { name: 'types', command: tool('tsc'), args: ['-p', 'tsconfig.json'] },
    { name: 'eslint', command: tool('eslint'), args: ['--max-warnings', '0', '.'] },
    { name: 'knip', command: tool('knip'), args: ['--no-progress'] },
    // publint reads what package.json points at, so dist/ has to be there.
    { name: 'build', command: tool('tsc'), args: ['-p', 'tsconfig.build.json'] },
    { name: 'publint', command: tool('publint'), args: ['--strict', '--pack', 'false'] },
    ...generatedPages(),
  ];
}

/** Runs one step with its output on ours; true when it passed. */
function passes(step: Step): boolean {
  const start = performance.now();
  console.log(`── ${step.name}`);
  const result = spawnSync(step.command, step.args, { cwd: ROOT, stdio: 'inherit' });
  if (result.error !== undefined) console.error(result.error.message);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const passed = result.status === 0;
  console.log(`   ${passed ? 'ok' : 'FAILED'} ${step.name} (${seconds} s)`);
  return passed;
}

function check(names: readonly string[]): number {
  const steps = allSteps();
  const unknown = names.filter((name) => !steps.some((step) => step.name === name));
  if (unknown.length > 0) {
    console.error(`no step is called ${unknown.join(', ')}; there are ${steps.map((step) => step.name).join(', ')}`);
    return 1;
  }
  const failed = steps
    .filter((step) => names.length === 0 || names.includes(step.name))
    .filter((step) => !passes(step));
  console.log(failed.length === 0 ? 'all checks passed' : `failed: ${failed.map((step) => step.name).join(', ')}`);
  return failed.length === 0 ? 0 : 1;
}

process.exitCode = check(process.argv.slice(2));
