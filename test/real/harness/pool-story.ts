// What weir's pools, its metrics and the server say of the connections between them, while it runs and when all is quiet.
// It judges only what each moment must show; which figures are good is said by the tests.
// Invariant: a cap that was passed in any sample is kept, whatever comes later.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { readSamples } from './compare.ts';
import { acceptedConnections, ConnectionPeak } from './sockets.ts';
import type { PoolRow, Weir } from './weir.ts';

const SAMPLE_MS = 200;
const QUIET_DEADLINE_MS = 15_000;

export interface Peaks {
  /** Connections at the server's port at one moment; 0 if it is not ours to look at. */
  readonly sockets: number;
  /** idle + busy + connecting of each lane at one moment. */
  readonly lanes: ReadonlyMap<string, number>;
  readonly waiters: number;
  readonly depth: number;
}

/** Looks at the pools again and again. */
export class PoolWatch {
  readonly #weir: Weir;
  readonly #sockets: ConnectionPeak | null;
  readonly #lanes = new Map<string, number>();
  readonly #watching: Promise<void>;
  #waiters = 0;
  #depth = 0;
  #isOver = false;

  constructor(weir: Weir, serverPort: number | null) {
    this.#weir = weir;
    this.#sockets = serverPort === null ? null : new ConnectionPeak(serverPort);
    this.#watching = this.#watch();
    this.#watching.catch(() => null);
  }

  /** Ends the watching; throws if a lane was ever seen above its cap. */
  async stop(): Promise<Peaks> {
    this.#isOver = true;
    const sockets = this.#sockets?.stop() ?? 0;
    await this.#watching;
    return { sockets, lanes: this.#lanes, waiters: this.#waiters, depth: this.#depth };
  }

  async #watch(): Promise<void> {
    while (!this.#isOver) {
      const rows = await this.#weir.pools();
      for (const row of rows) this.#look(row);
      await sleep(SAMPLE_MS);
    }
  }

  #look(row: PoolRow): void {
    const connections = row.idle + row.busy + row.connecting;
    assert.ok(connections <= row.maxConnections, `above the cap: ${JSON.stringify(row)}`);
    this.#lanes.set(row.lane, Math.max(this.#lanes.get(row.lane) ?? 0, connections));
    this.#waiters = Math.max(this.#waiters, row.waiters);
    this.#depth = Math.max(this.#depth, row.depth ?? 1);
  }
}

/** What each of them says, in the same words. */
interface Story {
  readonly showPools: Readonly<Record<string, number>>;
  readonly metrics: Readonly<Record<string, number>>;
  readonly sockets: number;
}

/**
 * When the last application has left: the same connections by lane in `weir show pools` and /metrics, as many at the
 * server; nobody waits, nothing is in flight, no cursor and no transaction is open. Resolves with the pools.
 */
export async function assertQuietStory(weir: Weir, serverPort: number | null): Promise<readonly PoolRow[]> {
  await weir.quiet();
  const deadline = Date.now() + QUIET_DEADLINE_MS;
  for (;;) {
    const rows = await weir.showPools();
    const text = await weir.metrics();
    const story = storyOf(rows, text, serverPort);
    const differences = differencesIn(story, leftOver(rows, text));
    if (differences.length === 0) return rows;
    if (Date.now() > deadline) assert.fail(`${differences.join('; ')}: ${JSON.stringify({ story, rows })}`);
    await sleep(50);
  }
}

function storyOf(rows: readonly PoolRow[], text: string, serverPort: number | null): Story {
  const showPools: Record<string, number> = {};
  for (const { lane, idle, busy } of rows) showPools[lane] = (showPools[lane] ?? 0) + idle + busy;
  const metrics: Record<string, number> = {};
  for (const { name, labels, value } of readSamples(text)) {
    // Not open yet, so the server does not count it.
    if (name !== 'weir_upstream_connections' || labels['state'] === 'connecting') continue;
    const lane = labels['lane'] ?? '';
    metrics[lane] = (metrics[lane] ?? 0) + value;
  }
  const all = Object.values(showPools).reduce((sum, count) => sum + count, 0);
  return { showPools, metrics, sockets: serverPort === null ? all : acceptedConnections(serverPort) };
}

function differencesIn({ showPools, metrics, sockets }: Story, left: ReadonlyMap<string, number>): string[] {
  const found = [...left].filter(([, count]) => count !== 0).map(([what, count]) => `${what} ${String(count)}`);
  if (left.size === 0) found.push('nothing to judge');
  const lanes = new Set([...Object.keys(showPools), ...Object.keys(metrics)]);
  for (const lane of lanes) {
    if (showPools[lane] !== metrics[lane]) found.push(`lane ${lane} differs`);
  }
  const all = Object.values(showPools).reduce((sum, count) => sum + count, 0);
  if (all !== sockets) found.push(`${String(sockets)} connections at the server, ${String(all)} at weir`);
  return found;
}

/** Series of operations exist only where there were operations. */
const MAY_BE_ABSENT = 'weir_operations_active';
const MUST_BE_ZERO = [
  'weir_pool_waiters',
  'weir_open_cursors',
  'weir_open_transactions',
  'weir_buffer_bytes',
  MAY_BE_ABSENT,
];

/** Everything that must be 0 when nobody is there. */
function leftOver(rows: readonly PoolRow[], text: string): ReadonlyMap<string, number> {
  const left = new Map<string, number>();
  const samples = readSamples(text);
  for (const name of MUST_BE_ZERO) {
    const found = samples.filter((sample) => sample.name === name);
    if (found.length === 0 && name !== MAY_BE_ABSENT) left.set(`no ${name}`, 1);
    left.set(
      name,
      found.reduce((sum, { value }) => sum + value, 0),
    );
  }
  for (const row of rows) {
    if (row.lane === 'monitor') continue;
    left.set(`${row.lane} waiters`, row.waiters);
    left.set(`${row.lane} busy`, row.busy);
    left.set(`${row.lane} in flight`, row.inFlight ?? 0);
  }
  return left;
}

/** The value of a metric without labels, or the sum over its labels; throws if there is none. */
export function metricOf(text: string, name: string): number {
  const found = readSamples(text).filter((sample) => sample.name === name);
  assert.ok(found.length > 0, `no ${name}`);
  return found.reduce((sum, { value }) => sum + value, 0);
}
