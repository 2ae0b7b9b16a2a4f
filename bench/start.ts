// From spawn to listening, as a process supervisor would see it. It asserts nothing.

import { startCli } from './weir-process.ts';

const RUNS = 7;

export async function benchStart(): Promise<void> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const weir = await startCli(['start', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0']);
    times.push(weir.startMs);
    await weir.stop();
  }
  times.sort((a, b) => a - b);
  const of = (at: number): string => (times[at] ?? Number.NaN).toFixed(0);
  console.log(
    `start to listening: median ${of(Math.floor(RUNS / 2))} ms, ${of(0)} to ${of(RUNS - 1)} ms in ${RUNS} runs`,
  );
}
