// `weir decode FILE…`: reads captures and recordings and prints the tables of the live proxy. It connects to nothing.
// Invariants: what could be read is printed, what could not is named; exit code 1 only where nothing could be read.

import { statSync } from 'node:fs';
import { loadCompressors } from '../../codecs/index.ts';
import { renderCsv } from './decode-csv.ts';
import type { DecodeOptions } from './decode-options.ts';
import { type DecodedFile, type DecodeReport, reportOf } from './decode-report.ts';
import { DecodeRun, type FileFormat } from './decode-run.ts';
import { DecodeSource, type SourceEnd, STANDARD_INPUT } from './decode-source.ts';
import { renderReport } from './decode-text.ts';
import { CliFailure, EXIT } from './failure.ts';
import type { Io } from './io.ts';

/** Below this it is over before anybody reads a bar. */
const PROGRESS_FROM_BYTES = 50_000_000;
const BAR_CELLS = 30;

/** Throws CliFailure with 1 where nothing could be read. */
export async function runDecode(names: readonly string[], options: DecodeOptions, io: Io): Promise<number> {
  await loadCompressors();
  let interrupted: 'SIGINT' | 'SIGTERM' | null = null;
  const deafen = io.onSignal((signal) => {
    interrupted = signal;
  });
  try {
    const run = new DecodeRun(options, io.out);
    const files = await readFiles(names, run, io, () => interrupted !== null);
    run.finish();
    finish(run, files, options, io);
  } finally {
    deafen();
  }
  if (interrupted === null) return EXIT.ok;
  return interrupted === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
}

async function readFiles(
  names: readonly string[],
  run: DecodeRun,
  io: Io,
  isInterrupted: () => boolean,
): Promise<DecodedFile[]> {
  const files: DecodedFile[] = [];
  const progress = progressOf(names, io);
  let format: FileFormat | null = null;
  let before = 0;
  const source = new DecodeSource({
    io,
    isInterrupted,
    open: (head) =>
      run.open(head, (told) => {
        format = told;
      }),
    onProgress: (bytes) => progress?.(before + bytes),
  });
  for (const name of names) {
    if (isInterrupted()) break;
    format = null;
    const end = await source.read(name);
    before += end.bytes;
    files.push(describe(end, format));
  }
  if (progress !== null) io.progress?.('');
  return files;
}

function describe({ name, bytes, problem, isInterrupted }: SourceEnd, format: FileFormat | null): DecodedFile {
  return { name, format, bytes, problem: isInterrupted ? 'interrupted; what follows was not read' : problem };
}

function finish(run: DecodeRun, files: readonly DecodedFile[], options: DecodeOptions, io: Io): void {
  const problems = files.filter(({ problem }) => problem !== null);
  if (!hasReadAnything(run, files)) throw new CliFailure(EXIT.badInput, failureText(run, files));
  if (options.follow !== null) {
    for (const { name, problem } of problems) io.err(`weir: ${name}: ${problem}`);
    if (!run.isFollowed) throw new CliFailure(EXIT.badInput, notFollowed(options.follow, run.conversations.total));
    return;
  }
  const report = reportOf(run, files);
  // The text says it in its head; the other forms are for programs.
  if (options.form !== 'text') for (const { name, problem } of problems) io.err(`weir: ${name}: ${problem}`);
  io.out(render(report, options.form));
}

function render(report: DecodeReport, form: DecodeOptions['form']): string {
  switch (form) {
    case 'json':
      return JSON.stringify(report, null, 2);
    case 'csv':
      return renderCsv(report);
    case 'text':
      return renderReport(report);
    default:
      return form satisfies never;
  }
}

/** A file that was read whole counts although it is empty of packets; one of packets that no one can read does not. */
function hasReadAnything({ capture: { counts }, recorded }: DecodeRun, files: readonly DecodedFile[]): boolean {
  const unread = counts.skipped.counts.get('unknown_link_type') ?? 0;
  if (counts.packets > unread || recorded.chunks > 0) return true;
  return counts.packets === 0 && files.some(({ format, problem }) => format !== null && problem === null);
}

function failureText({ capture: { counts } }: DecodeRun, files: readonly DecodedFile[]): string {
  const lines = files.filter(({ problem }) => problem !== null).map(({ name, problem }) => `weir: ${name}: ${problem}`);
  if (counts.packets > 0) {
    const types = [...counts.unknownLinkTypes].join(', ');
    lines.push(
      `weir: all ${counts.packets} packets have link type ${types}, which is not read; capture on Ethernet, loopback or "any"`,
    );
  }
  return lines.join('\n');
}

function notFollowed(number: number, total: number): string {
  return `weir: --follow ${number}: there are ${total} MongoDB conversations; run without --follow for a list`;
}

/** Null where nobody sees it, or where it would not be worth it. */
function progressOf(names: readonly string[], io: Io): ((bytes: number) => void) | null {
  const { progress } = io;
  const total = names.reduce((sum, name) => sum + sizeOf(name), 0);
  if (progress === null || total < PROGRESS_FROM_BYTES) return null;
  let shown = -1;
  return (bytes) => {
    const percent = Math.min(100, Math.floor((bytes / total) * 100));
    if (percent === shown) return;
    shown = percent;
    const cells = Math.floor((percent / 100) * BAR_CELLS);
    progress(`${'█'.repeat(cells)}${'░'.repeat(BAR_CELLS - cells)} ${percent} % of ${Math.round(total / 1e6)} MB`);
  };
}

/** 0 for what has no size. */
function sizeOf(name: string): number {
  return name === STANDARD_INPUT ? 0 : (statSync(name, { throwIfNoEntry: false })?.size ?? 0);
}
