// Counts by reason, for closed lists of reasons. Invariant: a count never decreases.

export class Tally<Reason extends string> {
  readonly counts: Map<Reason, number> = new Map();

  add(reason: Reason, by = 1): void {
    this.counts.set(reason, (this.counts.get(reason) ?? 0) + by);
  }
}
