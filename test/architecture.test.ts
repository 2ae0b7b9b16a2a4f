// The shape of the repository: layers, doors, names, sizes, headers, mirrored tests, nothing of one machine in it.
// The rules themselves are in support/source-rules.ts; the table of layers is scripts/layers.json, shared with eslint.
// Invariant: each rule is also tried on a planted violation, so that a rule that sees nothing cannot pass.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  headerProblems,
  importProblems,
  layerTable,
  machinePathProblems,
  mirroredPaths,
  nameProblems,
  readImports,
  sizeProblems,
} from './support/source-rules.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CODE_FOLDERS = ['codecs', 'src', 'test', 'bench', 'scripts'];
const PRODUCT_FOLDERS = ['codecs', 'src'];
const IGNORED = new Set(['node_modules', 'dist', 'coverage']);

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Every file below a folder, relative to the root, with slashes. */
function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name).split(sep).join('/');
    if (entry.isDirectory()) return IGNORED.has(entry.name) || entry.name === '.git' ? [] : filesBelow(path);
    return [path];
  });
}

const sourcesOf = (folders: readonly string[]): string[] =>
  folders.flatMap(filesBelow).filter((path) => path.endsWith('.ts'));

/** What the repository holds: what git tracks or would, and every file where there is no git. */
function repositoryFiles(): string[] {
  if (!existsSync(join(ROOT, '.git'))) return filesBelow('.');
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT });
  return listed
    .toString('utf8')
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(ROOT, path)));
}

const CODE = sourcesOf(CODE_FOLDERS);
const PRODUCT = sourcesOf(PRODUCT_FOLDERS);

describe('the repository', () => {
  test('has code to look at', () => {
    assert.ok(PRODUCT.length > 10, `only ${PRODUCT.length} files found in ${PRODUCT_FOLDERS.join(' and ')}`);
  });

  test('imports point down only', () => {
    assert.deepEqual(
      PRODUCT.flatMap((path) => importProblems(path, read(path))),
      [],
    );
  });

  test('the table of layers has no circle', () => {
    const visit = (layer: string, above: readonly string[]): void => {
      assert.ok(!above.includes(layer), `circle: ${[...above, layer].join(' -> ')}`);
      for (const below of layerTable.layers[layer] ?? []) visit(below, [...above, layer]);
    };
    for (const layer of Object.keys(layerTable.layers)) visit(layer, []);
  });

  test('every file opens with its job', () => {
    assert.deepEqual(
      CODE.flatMap((path) => headerProblems(path, read(path))),
      [],
    );
  });

  test('no file is too long', () => {
    assert.deepEqual(
      CODE.flatMap((path) => sizeProblems(path, read(path))),
      [],
    );
  });

  test('no name that says nothing', () => {
    assert.deepEqual(CODE.flatMap(nameProblems), []);
  });

  test('unit tests mirror a source', () => {
    const orphans = CODE.filter((path) => path.startsWith('test/unit/') && path.endsWith('.test.ts')).filter(
      (path) => !mirroredPaths(path).some((source) => existsSync(join(ROOT, source))),
    );
    assert.deepEqual(orphans, []);
  });

  test('nothing names a path of one machine', () => {
    const problems = repositoryFiles().flatMap((path) => machinePathProblems(path, read(path)));
    assert.deepEqual(problems, []);
  });

  test('the lockfile names no registry', () => {
    assert.doesNotMatch(read('package-lock.json'), /"resolved": "https?:/);
  });
});

const PLANTED_IMPORTS: readonly (readonly [string, string, RegExp | null])[] = [
  ['src/filters/a.ts', "import { x } from '../net/listener.ts';", /filters does not import net/],
  ['src/filters/deep/a.ts', "import { x } from '../../core/clock.ts';", null],
  ['src/filters/a.ts', "export { x } from '../downstream/hello.ts';", /does not import downstream/],
  ['src/filters/a.ts', "const x = await import('../admin/server.ts');", /does not import admin/],
  ['src/filters/a.ts', "type X = import('../admin/server.ts').X;", /does not import admin/],
  ['src/upstream/a.ts', "import { x } from '../app.ts';", /does not import app/],
  ['src/core/a.ts', "import { x } from '../../codecs/index.ts';", /takes only types/],
  ['src/core/a.ts', "import { type X, y } from '../../codecs/index.ts';", /takes only types/],
  ['src/core/a.ts', "import { type X } from '../../codecs/index.ts';", null],
  ['src/core/a.ts', "import type { X } from '../../codecs/index.ts';", null],
  ['src/router/a.ts', "import { x } from '../../codecs/framer.ts';", /entered through/],
  ['src/router/a.ts', "import { deserialize } from 'bson';", /bson belongs to/],
  ['codecs/bson.ts', "export { deserialize } from 'bson';", null],
  ['codecs/a.ts', "const x = await import('snappy');", /snappy belongs to/],
  ['codecs/framer.ts', "import { connect } from 'node:net';", /codecs uses no node:net/],
  ['codecs/header.ts', "import { Parser } from 'binary-parser/dist/binary_parser.js';", null],
  ['codecs/a.ts', "import type { Clock } from '../src/core/clock.ts';", /codecs does not import core/],
  ['src/stats/registry.ts', "import { Counter } from 'prom-client';", /prom-client belongs to/],
  ['src/downstream/a.ts', "import { connect } from 'node:net';", /node:net belongs to/],
  ['src/net/a.ts', "import { x } from '../../test/support/hex.ts';", /not part of the product/],
  ['src/novel/a.ts', '', /no layer/],
  ['src/net/a.ts', "// import { x } from '../admin/server.ts';\nconst text = \"import '../app.ts'\";", null],
];

describe('the rules see', () => {
  for (const [path, text, expected] of PLANTED_IMPORTS) {
    test(`${path}: ${text || 'an unknown layer'}`, () => {
      const problems = importProblems(path, text);
      if (expected === null) assert.deepEqual(problems, []);
      else assert.match(problems.join('\n'), expected);
    });
  }

  test('the line of an import', () => {
    assert.deepEqual(readImports("// job\n\nimport type { A } from './a.ts';"), [
      { specifier: './a.ts', line: 3, typeOnly: true },
    ]);
  });

  test('a missing header', () => {
    assert.equal(headerProblems('a.ts', 'export const a = 1;\n// job').length, 1);
    assert.equal(headerProblems('a.ts', '//\n// job').length, 1);
    assert.equal(headerProblems('a.ts', '#!/usr/bin/env node\n// The job.\n').length, 0);
  });

  test('a file of 401 lines', () => {
    assert.equal(sizeProblems('a.ts', 'x\n'.repeat(401)).length, 1);
    assert.equal(sizeProblems('a.ts', 'x\n'.repeat(400)).length, 0);
  });

  test('names that say nothing', () => {
    for (const path of ['src/utils.ts', 'src/net/helpers/a.ts', 'src/pool-manager.ts', 'codecs/common.ts']) {
      assert.equal(nameProblems(path).length, 1, path);
    }
    assert.deepEqual(nameProblems('src/net/byte-socket.ts'), []);
  });

  test('where a unit test looks for its source', () => {
    assert.deepEqual(mirroredPaths('test/unit/codecs/framer.test.ts'), ['codecs/framer.ts', 'codecs/framer/']);
    assert.deepEqual(mirroredPaths('test/unit/upstream/pool.scenarios.test.ts'), [
      'src/upstream/pool.ts',
      'src/upstream/pool/',
    ]);
  });

  test('paths of one machine', () => {
    const folder = ['', 'home', 'ann', 'weir'].join('/');
    assert.equal(machinePathProblems('a.md', `run\n${folder}/run.sh`).length, 1);
    assert.equal(machinePathProblems('a.ts', `read('${folder}')`).length, 1);
    assert.equal(machinePathProblems('a.ts', `// see src${folder}`).length, 0);
  });
});
