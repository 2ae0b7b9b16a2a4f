// Sums the rows of the operation table into the series of the metrics page: by namespace and command, by call site, by code.
// It makes no text and keeps no count of its own: every refresh adds the rows up anew.
// Invariant: which series a row belongs to is decided once, in the order of admission, so no series shrinks or vanishes.

import { OUTCOMES } from '../core/outcome.ts';
import { HISTOGRAM_BORDERS_SECONDS } from './latency-sketch.ts';
import { type OperationRow, OTHER_CODE } from './operation-row.ts';
import { type OperationTable, OTHER } from './operation-table.ts';

/** Different MongoDB error codes told apart; the list of known ones is about 400 long, what occurs is short. */
export const MAX_CODES = 200;

export interface SeriesCaps {
  /** Different namespaces with command (db, collection, command); the rest is `other`. */
  readonly maxNamespaces: number;
  /** Different call sites; the rest is `other`. */
  readonly maxCallSites: number;
}

/** Sums of one db, collection and command. */
export class NamespaceSeries {
  readonly labels: readonly string[];
  /** By index in OUTCOMES. */
  readonly outcomes: Float64Array = new Float64Array(OUTCOMES.length);
  /** Not cumulative; the last is +Inf. */
  readonly serverBuckets: Float64Array = new Float64Array(HISTOGRAM_BORDERS_SECONDS.length + 1);
  readonly waitBuckets: Float64Array = new Float64Array(HISTOGRAM_BORDERS_SECONDS.length + 1);
  serverMs = 0;
  waitMs = 0;
  documentsReturned = 0;
  documentsChanged = 0;
  requestBytes = 0;
  replyBytes = 0;

  constructor(labels: readonly string[]) {
    this.labels = labels;
  }

  reset(): void {
    this.outcomes.fill(0);
    this.serverBuckets.fill(0);
    this.waitBuckets.fill(0);
    this.serverMs = 0;
    this.waitMs = 0;
    this.documentsReturned = 0;
    this.documentsChanged = 0;
    this.requestBytes = 0;
    this.replyBytes = 0;
  }

  add(row: OperationRow): void {
    for (let index = 0; index < OUTCOMES.length; index += 1) {
      this.outcomes[index] = (this.outcomes[index] ?? 0) + row.countAt(index);
    }
    row.serverTimes.addHistogram(this.serverBuckets);
    row.waitTimes.addHistogram(this.waitBuckets);
    this.serverMs += row.serverTimes.sumMs;
    this.waitMs += row.waitTimes.sumMs;
    this.documentsReturned += row.documentsReturned;
    this.documentsChanged += row.documentsChanged;
    this.requestBytes += row.requestBytes;
    this.replyBytes += row.replyBytes;
  }
}

/** Sums of one call site on one db, collection and command. */
export class CallSiteSeries {
  readonly labels: readonly string[];
  operations = 0;
  serverMs = 0;
  documentsReturned = 0;

  constructor(labels: readonly string[]) {
    this.labels = labels;
  }

  reset(): void {
    this.operations = 0;
    this.serverMs = 0;
    this.documentsReturned = 0;
  }

  add(row: OperationRow): void {
    this.operations += row.operations;
    this.serverMs += row.serverTimes.sumMs;
    this.documentsReturned += row.documentsReturned;
  }
}

interface Membership {
  readonly row: OperationRow;
  readonly namespace: NamespaceSeries;
  readonly callSite: CallSiteSeries;
}

export class OperationSeries {
  readonly #table: OperationTable;
  readonly #caps: SeriesCaps;
  readonly #memberships: Membership[] = [];
  // Keys are labels joined with NUL, which a clean label cannot contain.
  readonly #namespaces: Map<string, NamespaceSeries> = new Map();
  readonly #callSites: Map<string, CallSiteSeries> = new Map();
  readonly #callSiteNames: Set<string> = new Set();
  readonly #codes: Map<string, number> = new Map();

  constructor(table: OperationTable, caps: SeriesCaps) {
    this.#table = table;
    this.#caps = caps;
  }

  /** Takes in rows admitted since the last time and adds all of them up. */
  refresh(): void {
    const rows = this.#table.rows();
    for (const row of rows.slice(this.#memberships.length)) this.#memberships.push(this.#place(row));
    for (const series of this.#namespaces.values()) series.reset();
    for (const series of this.#callSites.values()) series.reset();
    for (const code of this.#codes.keys()) this.#codes.set(code, 0);
    for (const { row, namespace, callSite } of this.#memberships) {
      namespace.add(row);
      callSite.add(row);
      if (row.errorsByCode !== null) this.#addCodes(row.errorsByCode);
    }
  }

  namespaces(): Iterable<NamespaceSeries> {
    return this.#namespaces.values();
  }

  callSites(): Iterable<CallSiteSeries> {
    return this.#callSites.values();
  }

  /** Error counts by MongoDB code as text, or `other`. */
  codes(): ReadonlyMap<string, number> {
    return this.#codes;
  }

  #place(row: OperationRow): Membership {
    const labels = [row.database, row.collection, row.command];
    const namespace = this.#placeNamespace(labels);
    const known = this.#callSiteNames.has(row.callSite) || this.#callSiteNames.size < this.#caps.maxCallSites;
    // The row `other` takes no place: it is there from the start.
    if (known && row.callSite !== OTHER) this.#callSiteNames.add(row.callSite);
    const callSiteLabels = [known ? row.callSite : OTHER, ...namespace.labels];
    const key = callSiteLabels.join('\0');
    let callSite = this.#callSites.get(key);
    if (callSite === undefined) {
      callSite = new CallSiteSeries(callSiteLabels);
      this.#callSites.set(key, callSite);
    }
    return { row, namespace, callSite };
  }

  #placeNamespace(labels: readonly string[]): NamespaceSeries {
    const key = labels.join('\0');
    const found = this.#namespaces.get(key);
    if (found !== undefined) return found;
    // The first row of a table is `other`, so the series that takes the rest exists before the cap is reached.
    const overflow = this.#namespaces.get(`${OTHER}\0${OTHER}\0${OTHER}`);
    if (overflow !== undefined && this.#namespaces.size > this.#caps.maxNamespaces) return overflow;
    const made = new NamespaceSeries(labels);
    this.#namespaces.set(key, made);
    return made;
  }

  #addCodes(errorsByCode: ReadonlyMap<number, number>): void {
    for (const [code, count] of errorsByCode) {
      const text = String(code);
      const known = code !== OTHER_CODE && (this.#codes.has(text) || this.#codes.size < MAX_CODES);
      const label = known ? text : OTHER;
      this.#codes.set(label, (this.#codes.get(label) ?? 0) + count);
    }
  }
}
