// The document that every driver program prints, in whatever language it is written.
// Only types and their reader; what the numbers must be is said by the tests.
// Invariant: results hold only integers, strings, booleans, null, lists and objects, so that three languages print the same.

export type ResultValue =
  | string
  | number
  | boolean
  | null
  | readonly ResultValue[]
  | { readonly [key: string]: ResultValue };

/** What one step of the script returned, the same for every client and every driver. */
export interface StepResult {
  readonly step: string;
  readonly value: ResultValue;
}

/** A client whose step returned something else than the first client's. */
export interface Deviation {
  readonly client: number;
  readonly step: string;
  readonly expected: ResultValue;
  readonly got: ResultValue;
}

/** Commands the driver says it sent (commandStarted events); getMore and killCursors under their opener's call site. */
export interface SentRow {
  readonly command: string;
  readonly db: string;
  readonly collection: string;
  readonly callSite: string;
  readonly count: number;
}

/** Errors as the application saw them, after the driver's own retries. */
export interface ErrorRow {
  readonly where: string;
  /** The server's code; 0 for errors without one (network errors, driver timeouts). */
  readonly code: number;
  readonly labels: readonly string[];
  readonly message: string;
  readonly count: number;
}

/** Milliseconds as the application waited for one operation. */
export interface LatencyRow {
  readonly operation: string;
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface ProgramReport {
  readonly driver: string;
  readonly version: string;
  readonly scenario: string;
  readonly clients: number;
  readonly results: readonly StepResult[];
  /** SHA-256 over the lines `step TAB canonical JSON LF` of the first client's results. */
  readonly digest: string;
  readonly deviations: readonly Deviation[];
  readonly sent: readonly SentRow[];
  readonly poolCleared: number;
  readonly errors: readonly ErrorRow[];
  /** _id of every document whose write was acknowledged with w:majority, j:true (scenario load). */
  readonly acknowledged: readonly string[];
  readonly acknowledgedInLastThreeSeconds: number;
  readonly latencies: readonly LatencyRow[];
}

/** Reads a program's stdout; throws with the first 500 characters when it is not one report. */
export function readReport(stdout: string): ProgramReport {
  try {
    const report = JSON.parse(stdout) as ProgramReport;
    if (typeof report.driver === 'string' && Array.isArray(report.sent)) return report;
  } catch {
    // falls through to the error that shows what was printed instead
  }
  throw new Error(`not a program's report: ${stdout.slice(0, 500)}`);
}
