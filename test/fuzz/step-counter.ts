// Counts how often the blocks of our own code run, by V8's precise coverage: the same number on every machine and every
// day, unlike time. Built-in functions (indexOf, toString, concat) count as one; the bytes they allocate are counted apart.
// Invariant: runs in a process of its own, because coverage measured by others in the same process would be reset.

import { type Profiler, Session } from 'node:inspector';

const OURS = /\/(?:codecs|src)\/[^?]*\.ts$/;

export class StepCounter {
  readonly #session: Session = new Session();

  start(): void {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  stop(): void {
    this.#session.disconnect();
  }

  /** Blocks entered in codecs/ and src/ while `run` runs. */
  count(run: () => void): number {
    this.#take();
    run();
    return this.#take();
  }

  /** Steps since the last call; counting starts again. */
  #take(): number {
    let steps = 0;
    this.#session.post('Profiler.takePreciseCoverage', (error, taken) => {
      if (error !== null) {
        throw error;
      }
      steps = sum(taken.result);
    });
    return steps;
  }
}

function sum(scripts: readonly Profiler.ScriptCoverage[]): number {
  let steps = 0;
  for (const { url, functions } of scripts) {
    if (!OURS.test(url)) {
      continue;
    }
    for (const { ranges } of functions) {
      for (const { count } of ranges) {
        steps += count;
      }
    }
  }
  return steps;
}
