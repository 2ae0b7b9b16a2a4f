// Where in a frame's bytes the call site stands, as the scanners leave it. Holds offsets, decodes nothing.
// Reused by every scan, so that a scan allocates nothing. Invariant: offsets lie inside the range that was scanned.

/** How the bytes of a cut become text. */
export const CUT_FORM = {
  /** UTF-8 as it stands. */
  plain: 0,
  /** The inside of a JSON string that has escapes. */
  json: 1,
  /** A list value with %XX or a backslash in it. */
  percent: 2,
} as const;

export type CutForm = (typeof CUT_FORM)[keyof typeof CUT_FORM];

/** What a scan says: found (see the cut), none (read whole, no call site), unreadable (not this notation, or beyond the scan). */
export type ScanResult = 'found' | 'none' | 'unreadable';

/** Bytes of a text that a scan looks at. Tools put their texts well below it. */
export const SCAN_BYTES = 1024;

export class CallSiteCut {
  start = 0;
  end = 0;
  form: CutForm = CUT_FORM.plain;
  /** The action beside a controller; -1 where the call site is one piece. */
  secondStart = -1;
  secondEnd = -1;
  secondForm: CutForm = CUT_FORM.plain;

  set(start: number, end: number, form: CutForm): void {
    this.start = start;
    this.end = end;
    this.form = form;
    this.secondStart = -1;
  }

  setSecond(start: number, end: number, form: CutForm): void {
    this.secondStart = start;
    this.secondEnd = end;
    this.secondForm = form;
  }
}
