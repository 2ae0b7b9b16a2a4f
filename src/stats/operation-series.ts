// Groups the rows of the operation table into the series of the metrics page: exact counters by namespace, histograms of the
// first namespaces, counters by call site, errors by code. It keeps no count: values are read from the rows when written.
// Invariant: which series a row belongs to is decided once, in the order of admission, so no series shrinks or vanishes.

import type { ErrorOrigin } from '../core/operation.ts';
import { type OperationRow, OTHER_CODE } from './operation-row.ts';
import { type OperationTable, OTHER } from './operation-table.ts';

/** Different pairs of MongoDB error code and origin told apart; known codes are about 400, those that occur are few. */
export const MAX_CODES = 200;

/** Combinations of db, collection and command with histograms of their own: 33 lines each, so that the page stays readable. */
export const MAX_HISTOGRAM_NAMESPACES = 500;

const ORIGINS: readonly ErrorOrigin[] = ['upstream', 'proxy'];

export interface SeriesCaps {
  /** Combinations of db, collection and command with histograms of their own; the rest is `other`. */
  readonly maxHistogramNamespaces: number;
  /** Different call sites; the rest is `other`. */
  readonly maxCallSites: number;
}

/** The rows that one set of labels sums up. */
export class RowSeries {
  readonly labels: readonly string[];
  readonly rows: OperationRow[] = [];

  constructor(labels: readonly string[]) {
    this.labels = labels;
  }

  sum(read: (row: OperationRow) => number): number {
    let sum = 0;
    for (const row of this.rows) sum += read(row);
    return sum;
  }
}

/** Errors of one code and origin at the moment of reading. */
export interface CodeCount {
  /** The code as text, or `other`. */
  readonly code: string;
  readonly origin: ErrorOrigin;
  count: number;
}

/** Series by their labels in the order of admission; bounded by the rows of the table. */
class SeriesSet {
  // Keys are labels joined with NUL, which a clean label cannot contain.
  readonly #byKey: Map<string, RowSeries> = new Map();
  readonly all: RowSeries[] = [];

  find(labels: readonly string[]): RowSeries | undefined {
    return this.#byKey.get(labels.join('\0'));
  }

  of(labels: readonly string[]): RowSeries {
    const found = this.find(labels);
    if (found !== undefined) return found;
    const made = new RowSeries(labels);
    this.#byKey.set(labels.join('\0'), made);
    this.all.push(made);
    return made;
  }
}

export class OperationSeries {
  readonly #table: OperationTable;
  readonly #caps: SeriesCaps;
  readonly #namespaces: SeriesSet = new SeriesSet();
  readonly #histograms: SeriesSet = new SeriesSet();
  readonly #callSites: SeriesSet = new SeriesSet();
  readonly #callSiteNames: Set<string> = new Set();
  /** Codes with a series of their own, as keys of #codeKey. */
  readonly #codes: Set<string> = new Set();
  #placed = 0;

  constructor(table: OperationTable, caps: SeriesCaps) {
    this.#table = table;
    this.#caps = caps;
  }

  /** Takes in at most `limit` rows admitted since the last time; true when there are more. */
  update(limit: number): boolean {
    const rows = this.#table.rows();
    const fresh = rows.slice(this.#placed, this.#placed + limit);
    for (const row of fresh) this.#place(row);
    this.#placed += fresh.length;
    return this.#placed < rows.length;
  }

  /** By listener, db, collection and command: every row of the table. */
  namespaces(): readonly RowSeries[] {
    return this.#namespaces.all;
  }

  /** By db, collection and command: the first ones, then `other`. */
  histograms(): readonly RowSeries[] {
    return this.#histograms.all;
  }

  /** By call site, db, collection and command: every row, call sites beyond the cap as `other`. */
  callSites(): readonly RowSeries[] {
    return this.#callSites.all;
  }

  /** Error counts now. The first call for a code decides whether it has a series of its own. */
  codes(): Iterable<CodeCount> {
    const counts = new Map<string, CodeCount>();
    for (const key of this.#codes) {
      const [code = '', origin = ''] = key.split(' ');
      counts.set(key, { code, origin: origin as ErrorOrigin, count: 0 });
    }
    for (const row of this.#table.rows()) {
      for (const origin of ORIGINS) {
        for (const [code, count] of row.codesOf(origin) ?? []) this.#addCode(counts, code, { origin, count });
      }
    }
    return counts.values();
  }

  #place(row: OperationRow): void {
    const namespace = [row.database, row.collection, row.command];
    this.#namespaces.of([row.listener, ...namespace]).rows.push(row);
    this.#callSites.of([this.#callSiteOf(row), ...namespace]).rows.push(row);
    const hasHistogram =
      this.#histograms.find(namespace) !== undefined ||
      // The first row of a table is `other`, so the series that takes the rest is there from the start.
      this.#histograms.all.length <= this.#caps.maxHistogramNamespaces;
    this.#histograms.of(hasHistogram ? namespace : [OTHER, OTHER, OTHER]).rows.push(row);
  }

  #callSiteOf({ callSite }: OperationRow): string {
    // The row `other` takes no place: it is there from the start.
    if (callSite === OTHER || this.#callSiteNames.has(callSite)) return callSite;
    if (this.#callSiteNames.size >= this.#caps.maxCallSites) return OTHER;
    this.#callSiteNames.add(callSite);
    return callSite;
  }

  #addCode(counts: Map<string, CodeCount>, code: number, add: Omit<CodeCount, 'code'>): void {
    const own = `${code} ${add.origin}`;
    if (code !== OTHER_CODE && this.#codes.size < MAX_CODES) this.#codes.add(own);
    const isKnown = this.#codes.has(own);
    const key = isKnown ? own : `${OTHER} ${add.origin}`;
    const found = counts.get(key);
    if (found === undefined) counts.set(key, { ...add, code: isKnown ? String(code) : OTHER });
    else found.count += add.count;
  }
}
