// The rules that source files keep, as functions from a path and its text to sentences about what is wrong.
// It reads no file except the table of layers, and does not measure functions (eslint does).
// Invariant: no sentence, no violation; paths are relative to the root and use slashes.

import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import * as ts from 'typescript';

/** scripts/layers.json. An owner is a file, or a folder when it ends with a slash. */
export interface LayerTable {
  readonly layers: Readonly<Record<string, readonly string[]>>;
  readonly typesOnly: Readonly<Record<string, readonly string[]>>;
  readonly doors: Readonly<Record<string, readonly string[]>>;
  readonly only: Readonly<Record<string, readonly string[]>>;
  readonly packages: Readonly<Record<string, readonly string[]>>;
  readonly builtins: Readonly<Record<string, readonly string[]>>;
}

/** One import, export-from, dynamic import or import type. */
export interface ImportLine {
  readonly specifier: string;
  readonly line: number;
  /** Vanishes in the compiled code. */
  readonly typeOnly: boolean;
}

export const layerTable: LayerTable = JSON.parse(
  readFileSync(new URL('../../scripts/layers.json', import.meta.url), 'utf8'),
) as LayerTable;

const MAX_LINES = 400;
const FORBIDDEN_NAMES = /^(?:utils?|helpers?|common|manager)$|(?:^|-)(?:utils|helpers|manager)$/;
// Written so that it does not match itself. A folder of a machine or a person has no place in what others check out.
const MACHINE_PATH = /(?<![\w.$}/*-])\/(?:work|root|tmp|home|Users)\/[\w.-]/;

function typeOnlyImport(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const names = clause.namedBindings;
  if (clause.name !== undefined || names === undefined || !ts.isNamedImports(names)) return false;
  return names.elements.length > 0 && names.elements.every((element) => element.isTypeOnly);
}

/** The module that a node names, and whether only its types are used; null for every other node. */
function importOf(node: ts.Node): { module: ts.Node; typeOnly: boolean } | null {
  if (ts.isImportDeclaration(node)) {
    return { module: node.moduleSpecifier, typeOnly: typeOnlyImport(node.importClause) };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
    return { module: node.moduleSpecifier, typeOnly: node.isTypeOnly };
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return { module: node.argument.literal, typeOnly: true };
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const module = node.arguments[0];
    return module === undefined ? null : { module, typeOnly: false };
  }
  return null;
}

/** Every module a source text names, in order. */
export function readImports(text: string): ImportLine[] {
  const source = ts.createSourceFile('file.ts', text, ts.ScriptTarget.ES2023, false);
  const found: ImportLine[] = [];
  const visit = (node: ts.Node): void => {
    const named = importOf(node);
    if (named !== null && ts.isStringLiteralLike(named.module)) {
      const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
      found.push({ specifier: named.module.text, line, typeOnly: named.typeOnly });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The layer of a file of codecs/ or src/: its folder, or its own name directly below src/; null elsewhere. */
export function layerOf(path: string): string | null {
  const [top, second] = path.split('/');
  if (top === 'codecs') return 'codecs';
  return top === 'src' && second !== undefined ? second.replace(/\.ts$/, '') : null;
}

const owns = (owner: string, path: string): boolean => (owner.endsWith('/') ? path.startsWith(owner) : path === owner);

function packageName(specifier: string): string {
  const parts = specifier.split('/');
  if (specifier.startsWith('node:')) return specifier;
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}

function moduleProblem(path: string, layer: string, name: string): string | null {
  const allowed = layerTable.only[layer];
  if (allowed !== undefined && !allowed.includes(name)) return `${layer} uses no ${name}`;
  const owners = layerTable.packages[name] ?? layerTable.builtins[name];
  if (owners === undefined || owners.some((owner) => owns(owner, path))) return null;
  return `${name} belongs to ${owners.join(', ') || 'nobody'}`;
}

function layerProblem(layer: string, target: string, typeOnly: boolean): string | null {
  const other = layerOf(target);
  if (other === null) return `${target} is not part of the product`;
  if (other === layer) return null;
  if (!layerTable.layers[layer]?.includes(other)) return `${layer} does not import ${other}`;
  if (!typeOnly && layerTable.typesOnly[layer]?.includes(other)) return `${layer} takes only types from ${other}`;
  const doors = layerTable.doors[other];
  return doors === undefined || doors.includes(target) ? null : `${other} is entered through ${doors.join(' or ')}`;
}

/** Imports of one file of codecs/ or src/ that point upwards, past a door, or at somebody else's module. */
export function importProblems(path: string, text: string): string[] {
  const layer = layerOf(path);
  if (layer === null || !(layer in layerTable.layers)) return [`${path}: no layer of scripts/layers.json`];
  return readImports(text).flatMap(({ specifier, line, typeOnly }) => {
    const problem = specifier.startsWith('.')
      ? layerProblem(layer, posix.join(posix.dirname(path), specifier), typeOnly)
      : moduleProblem(path, layer, packageName(specifier));
    return problem === null ? [] : [`${path}:${line}: ${problem}`];
  });
}

/** A file opens with the comment that says its job; a #! line may stand before it. */
export function headerProblems(path: string, text: string): string[] {
  const first = text.split('\n', 2).find((line) => !line.startsWith('#!')) ?? '';
  return /^\/\/ \S/.test(first) ? [] : [`${path}: does not open with a comment that says its job`];
}

export function sizeProblems(path: string, text: string): string[] {
  const lines = text.replace(/\n$/, '').split('\n').length;
  return lines > MAX_LINES ? [`${path}: ${lines} lines, at most ${MAX_LINES}`] : [];
}

/** Names that say nothing about the job, of a file or of a folder on the way to it. */
export function nameProblems(path: string): string[] {
  const bad = path.split('/').find((part) => FORBIDDEN_NAMES.test(part.replace(/\..*$/, '')));
  return bad === undefined ? [] : [`${path}: ${bad} says nothing about the job`];
}

/** Where the source of a unit test may lie: `a.test.ts` and `a.aspect.test.ts` mirror `a.ts` or the folder `a/`. */
export function mirroredPaths(testPath: string): string[] {
  const inside = testPath.replace(/^test\/unit\//, '').replace(/(?:\.[\w-]+)?\.test\.ts$/, '');
  const bases = /^(?:codecs|scripts)\//.test(inside) ? [inside] : [`src/${inside}`];
  return bases.flatMap((base) => [`${base}.ts`, `${base}/`]);
}

export function machinePathProblems(path: string, text: string): string[] {
  return text
    .split('\n')
    .flatMap((line, index) => (MACHINE_PATH.test(line) ? [`${path}:${index + 1}: names a path of one machine`] : []));
}
