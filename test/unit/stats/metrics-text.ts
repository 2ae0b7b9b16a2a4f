// The metrics page as values, for tests. Invariant: what is not Prometheus' text format, or said twice, fails.

import assert from 'node:assert/strict';

export type Page = ReadonlyMap<string, number>;

/** Series (name with labels) to value; fails on anything that is not the text format. */
export function parsePage(text: string): Page {
  const series = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('# HELP ') || line.startsWith('# TYPE ')) continue;
    const match = /^([a-z_]+(?:\{(?:[a-z]+="(?:[^"\\]|\\[\\"n])*",?)*\})?) (\S+)$/.exec(line);
    assert.ok(match, `not a sample: ${line}`);
    const name = match[1] ?? '';
    assert.ok(!series.has(name), `twice: ${name}`);
    series.set(name, Number(match[2]));
    assert.ok(Number.isFinite(series.get(name)), line);
  }
  return series;
}
