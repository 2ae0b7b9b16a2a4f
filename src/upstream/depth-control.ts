// How many short exchanges may be in flight on one connection: grows while the server's latency holds, falls to 1 at the
// first sign of trouble. Pure: time comes in with each reply. What is short is the router's word; who shares is pool.ts.
// Invariants: 1 <= depth <= MAX_DEPTH; a place in the queue never costs more than the base times BEARABLE for longer than
// a window.
//
// The measure: the latency of an exchange that was alone on its connection is the base. One at place p of a queue may take p
// times as long and nobody lost anything; more than that says that the server, or the way to it, suffers.

export const MAX_DEPTH = 32;
/** No deeper than this much waiting behind others, in milliseconds, by what a place costs now. */
const BEHIND_BUDGET_MS = 10;
/** Windows of judgement. */
const WINDOW_MS = 50;
const WINDOW_LEAST = 16;
/** Latency per place over the base: up to here the depth grows, beyond here it falls to 1. */
const COMFORTABLE = 1.5;
const BEARABLE = 2.5;
/** What a turn of the event loop or a noisy neighbour costs is no trouble of the server. */
const SLACK_MS = 0.5;
/** A slower base is believed slowly, a faster one at once. */
const BASE_RISE = 0.05;

export class DepthControl {
  depth = 1;
  /** Falls to 1, for metrics. */
  collapses = 0;
  #baseMs = 0;
  #windowStartMs = 0;
  #latencyMs = 0;
  #places = 0;
  #aloneMs = 0;
  #alone = 0;
  #count = 0;
  #isWanted = false;

  /** Somebody short found no place: the next window may grow. */
  want(): void {
    this.#isWanted = true;
  }

  /** One reply: sent to whole, and its place in the queue of its connection when it was sent (1: alone). */
  note(latencyMs: number, place: number, nowMs: number): void {
    this.#latencyMs += latencyMs;
    this.#places += place;
    this.#count++;
    if (place === 1) {
      this.#aloneMs += latencyMs;
      this.#alone++;
    }
    if (this.#count >= WINDOW_LEAST && nowMs - this.#windowStartMs >= WINDOW_MS) this.#judge(nowMs);
  }

  /** A connection was lost, a server was silent or no longer writable. */
  trouble(): void {
    if (this.depth > 1) this.collapses++;
    this.depth = 1;
  }

  #judge(nowMs: number): void {
    const perPlaceMs = this.#latencyMs / this.#places;
    if (this.#alone >= WINDOW_LEAST / 4) this.#learnBase(this.#aloneMs / this.#alone);
    const spareMs = perPlaceMs - SLACK_MS;
    if (this.depth > 1 && spareMs > this.#baseMs * BEARABLE) this.trouble();
    else if (this.#isWanted && this.#baseMs > 0 && spareMs <= this.#baseMs * COMFORTABLE) this.#grow(perPlaceMs);
    this.#windowStartMs = nowMs;
    this.#latencyMs = 0;
    this.#places = 0;
    this.#count = 0;
    this.#aloneMs = 0;
    this.#alone = 0;
    this.#isWanted = false;
  }

  #learnBase(aloneMs: number): void {
    if (this.#baseMs === 0 || aloneMs < this.#baseMs) this.#baseMs = aloneMs;
    else this.#baseMs += (aloneMs - this.#baseMs) * BASE_RISE;
  }

  /** By a quarter, at least by one: from 1 to 32 in little more than half a second. */
  #grow(perPlaceMs: number): void {
    const most = Math.min(MAX_DEPTH, Math.floor(BEHIND_BUDGET_MS / perPlaceMs));
    this.depth = Math.max(this.depth, Math.min(Math.ceil(this.depth * 1.25), most));
  }
}
