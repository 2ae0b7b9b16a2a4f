// The demo from beginning to end: stage, data, three applications, a screen, the report, and everything closed again.
// What is drawn is screen.ts's business. Invariant: when play() returns or throws, nothing it started is left.

import type { Upstream } from '../config/upstream-uri.ts';
import { type Clock, type Random, systemClock, systemRandom } from '../core/clock.ts';
import { SANDBOX_NOTICE } from '../sandbox/sandbox.ts';
import { cleanLabel } from '../stats/label.ts';
import { Application, within } from './application.ts';
import { planCatalogue } from './catalogue.ts';
import { planReportJob } from './report-job.ts';
import { renderReport, renderScreen, renderSummaryLine, type ScreenStyle, wrapText } from './screen.ts';
import { seed, unseed } from './seed.ts';
import { planShop } from './shop.ts';
import { openStage, REPORT_LIMIT, type Stage } from './stage.ts';
import { type Key, Terminal, type TerminalStreams } from './terminal.ts';
import { type DemoView, RateMeter, readView, type ViewFrame } from './view.ts';

export interface DemoOptions {
  /** From the call of play(); null: until `ended`. */
  readonly seconds: number | null;
  /** null: the sandbox. */
  readonly upstream: Upstream | null;
  /** Ends the demo when it settles: a signal. */
  readonly ended: Promise<unknown>;
  readonly out: (line: string) => void;
  /** Where the live screen is drawn; null: plain lines. */
  readonly streams: TerminalStreams | null;
  /** Columns of the report. */
  readonly width: () => number;
  readonly paint: ScreenStyle['paint'];
}

/** Why it ended: `interrupt` is Ctrl-C on the live screen. */
export type DemoEnd = 'time' | 'signal' | Key;

const DRAW_MS = 500;
const LINE_MS = 1000;
const CLEAR_MS = 2000;
/** However long the start took, this much is shown. */
const LEAST_SECONDS = 2;

const LEGEND =
  'calls/s: over the whole run. p50, p95: time at the server. wait p95: waited in weir for one of its connections. docs: returned by a call. Handshakes and pings are counted above and not listed.';
const STYLE_RULE = `at most ${REPORT_LIMIT.ratePerSecond}/s, burst ${REPORT_LIMIT.burst}, for ${REPORT_LIMIT.match.callSite ?? '*'}`;

/** Rejects with what openStage() rejects with, or the driver's error when the data cannot be put in. */
export async function play(options: DemoOptions): Promise<DemoEnd> {
  const show = new Show(options, systemClock, systemRandom);
  return show.run();
}

class Show {
  readonly #options: DemoOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #style: ScreenStyle;
  readonly #meter: RateMeter = new RateMeter();
  readonly #openedMs: number;
  #startedMs: number;
  #applications: readonly Application[] = [];
  #end: (end: DemoEnd) => void = () => {};
  readonly #ended: Promise<DemoEnd>;

  constructor(options: DemoOptions, clock: Clock, random: Random) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#style = { paint: options.paint, rule: STYLE_RULE };
    this.#openedMs = clock.nowMs();
    this.#startedMs = this.#openedMs;
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async run(): Promise<DemoEnd> {
    const { ended, upstream } = this.#options;
    const signal = (): void => this.#end('signal');
    ended.then(signal, signal);
    const stage = await openStage(upstream, this.#clock);
    try {
      await seed(stage.dataUri, stage.names, this.#random);
      return await this.#perform(stage);
    } finally {
      await Promise.all(this.#applications.map(async (application) => application.close()));
      // The server may be gone; then its data stays, and the next demo clears it.
      if (!stage.isSandbox) await within(this.#clock, CLEAR_MS, unseed(stage.dataUri, stage.names, this.#random));
      await stage.stop();
    }
  }

  async #perform(stage: Stage): Promise<DemoEnd> {
    const { seconds, streams, out } = this.#options;
    this.#startedMs = this.#clock.nowMs();
    const parts = { uri: stage.uri, names: stage.names, clock: this.#clock, random: this.#random };
    this.#applications = [planShop(60), planCatalogue(60), planReportJob(30)].map(
      (plan) => new Application(plan, parts),
    );
    if (seconds !== null) {
      const leftMs = this.#openedMs + seconds * 1000 - this.#startedMs;
      this.#clock.setTimer(Math.max(leftMs, Math.min(LEAST_SECONDS, seconds) * 1000), () => this.#end('time'));
    }
    // The first sample: rates are counted from here.
    this.#view(stage, false);
    for (const application of this.#applications) application.start();
    void stage.weir.drainAsked.then(() => this.#end('time'));
    const end = streams === null ? await this.#speak(stage) : await this.#draw(stage, streams);
    for (const line of this.#reportLines(this.#view(stage, true))) out(line);
    return end;
  }

  async #draw(stage: Stage, streams: TerminalStreams): Promise<DemoEnd> {
    const terminal = new Terminal(streams, (key) => this.#end(key));
    const redraw = (): void => terminal.draw(renderScreen(this.#view(stage, false), terminal.size, this.#style));
    terminal.enter(redraw);
    try {
      redraw();
      return await this.#repeat(DRAW_MS, redraw);
    } finally {
      terminal.leave(redraw);
    }
  }

  async #speak(stage: Stage): Promise<DemoEnd> {
    const { out } = this.#options;
    out(`weir demo: three applications, 150 connections, one weir, ${stage.serverName}`);
    for (const [label, address] of addressesOf(stage)) out(`${label.padEnd(8)}${address}`);
    return this.#repeat(LINE_MS, () => out(renderSummaryLine(this.#view(stage, false))));
  }

  async #repeat(everyMs: number, act: () => void): Promise<DemoEnd> {
    let isOver = false;
    const next = (): void => {
      if (isOver) return;
      act();
      this.#clock.setTimer(everyMs, next);
    };
    this.#clock.setTimer(everyMs, next);
    const end = await this.#ended;
    isOver = true;
    return end;
  }

  #view(stage: Stage, isFinal: boolean): DemoView {
    const nowMs = this.#clock.nowMs();
    const frame: ViewFrame = {
      elapsedSeconds: (nowMs - this.#startedMs) / 1000,
      totalSeconds: this.#options.seconds,
      serverName: stage.serverName,
      isSandbox: stage.isSandbox,
      addresses: addressesOf(stage),
    };
    return readView(stage.weir, frame, { meter: this.#meter, nowMs, isFinal });
  }

  #reportLines(view: DemoView): readonly string[] {
    const width = this.#options.width();
    const notes = [LEGEND];
    for (const { name, failed, lastFailure } of this.#applications) {
      if (failed > 0) notes.push(`${name}: ${failed} requests failed, the last with: ${cleanLabel(lastFailure)}`);
    }
    if (view.isSandbox)
      notes.push(`The server was ${SANDBOX_NOTICE}. With --upstream URI the demo runs on a real one.`);
    return [...renderReport(view, width, this.#style), '', ...notes.flatMap((note) => wrapText(note, width))];
  }
}

function addressesOf({ weir, uri }: Stage): readonly (readonly [string, string])[] {
  const { adminAddress } = weir;
  if (adminAddress === null) return [['connect', uri]];
  const base = `http://${adminAddress.host}:${adminAddress.port}`;
  return [
    ['connect', uri],
    ['look at', `${base}/metrics  ${base}/api/v1/summary`],
  ];
}
