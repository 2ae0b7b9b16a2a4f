// Reads a Prometheus text page into samples that tests can ask for. It checks no format.
// Invariant: a sample that is not on the page counts as 0, like in every counter's life before its first event.

export interface MetricSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

export class MetricsPage {
  readonly samples: readonly MetricSample[];

  constructor(text: string) {
    this.samples = text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map(readSample);
  }

  /** All samples of a metric that carry these labels. */
  of(name: string, labels: Readonly<Record<string, string>> = {}): MetricSample[] {
    return this.samples.filter(
      (sample) =>
        sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    );
  }

  /** Their sum. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return this.of(name, labels).reduce((total, sample) => total + sample.value, 0);
  }

  /** Sums by the joined values of some labels; zeros are left out. */
  by(name: string, labels: readonly string[]): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const sample of this.of(name)) {
      if (sample.value === 0) continue;
      const key = labels.map((label) => sample.labels[label] ?? '').join(' ');
      sums[key] = (sums[key] ?? 0) + sample.value;
    }
    return sums;
  }
}

function readSample(line: string): MetricSample {
  const match = LINE.exec(line);
  if (match === null) throw new Error(`not a line of a metrics page: ${line}`);
  const labels: Record<string, string> = {};
  for (const [, label = '', value = ''] of (match[2] ?? '').matchAll(LABEL)) labels[label] = value;
  return { name: match[1] ?? '', labels, value: Number(match[3]) };
}
