// Finds where in the YAML text a path of the config stands. Reads the parsed document, changes nothing.
// Invariant: every path gets a position: when its own node is missing, the nearest parent's.

import { type Document, isAlias, isMap, isScalar, isSeq, type LineCounter, type Node, type Pair } from 'yaml';

export type ConfigPath = readonly (string | number)[];

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** `['listeners', 0, 'tls']` as `listeners[].tls`, the form of tables and the reference page. */
export function toPlace(path: ConfigPath): string {
  return path.map((step, index) => (typeof step === 'number' ? '[]' : index === 0 ? step : `.${step}`)).join('');
}

/** Positions and sources in one parsed document. */
export class Places {
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;

  constructor(document: Document.Parsed, lines: LineCounter) {
    this.#document = document;
    this.#lines = lines;
  }

  /** Where an offset in the text is. */
  at(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  /** Where the value at a path starts; where it is missing, its nearest parent. */
  ofValue(path: ConfigPath): Position {
    return this.at(this.#nearest(path)?.range?.[0] ?? 0);
  }

  /** Where a key of the mapping at `path` starts. */
  ofKey(path: ConfigPath, key: string): Position {
    const map = this.#nearest(path);
    const pair = isMap(map) ? map.items.find((item) => keyText(item) === key) : undefined;
    const keyNode = pair?.key as Node | undefined;
    return keyNode?.range ? this.at(keyNode.range[0]) : this.ofValue(path);
  }

  /** The tag that brought the value in (`!env`, `!file`), or null for text written in the file itself. */
  outsideTag(path: ConfigPath): string | null {
    const node = this.#nearest(path);
    return isScalar(node) && (node.tag === '!env' || node.tag === '!file') ? node.tag : null;
  }

  /** Whether the file has a value at just this place. */
  isWritten(path: ConfigPath): boolean {
    const parent = this.#nearest(path.slice(0, -1));
    const nearest = this.#nearest(path);
    return nearest !== null && nearest !== parent;
  }

  #nearest(path: ConfigPath): Node | null {
    let node = this.#resolve(this.#document.contents);
    for (const step of path) {
      const child = this.#child(node, step);
      if (child === null) return node;
      node = child;
    }
    return node;
  }

  #child(node: Node | null, step: string | number): Node | null {
    if (isSeq(node)) return this.#resolve(node.items[Number(step)]);
    if (!isMap(node)) return null;
    return this.#resolve(node.items.find((item) => keyText(item) === String(step))?.value);
  }

  #resolve(node: unknown): Node | null {
    if (isAlias(node)) return node.resolve(this.#document) ?? null;
    return (node as Node | undefined) ?? null;
  }
}

function keyText(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}
