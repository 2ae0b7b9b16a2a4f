// A whole weir on free ports in front of some upstream, and what its admin API says of it.
// It asks over HTTP like anybody else. Invariant: stop() ends everything that start() began.

import { startWeir, type Weir } from '../../../src/app.ts';
import type { Clock } from '../../../src/core/clock.ts';
import type { Logger } from '../../../src/core/logger.ts';
import type {
  ClientSnapshot,
  CursorSnapshot,
  LimitSnapshot,
  OperationInFlight,
  PoolRow,
  ServerRow,
  Summary,
} from '../../../src/core/snapshots.ts';
import type { Compressor, LimitOptions, ListenerMode, ListenerOptions, PoolOptions } from '../../../src/options.ts';
import type { OperationReportRow } from '../../../src/stats/operation-report.ts';
import { eventually } from './eventually.ts';
import { MetricsPage } from './metrics-page.ts';

export interface HouseOptions {
  /** Port of the server on 127.0.0.1. */
  readonly upstreamPort: number;
  /** Further seeds, ports on 127.0.0.1. */
  readonly moreSeeds?: readonly number[];
  readonly replicaSet?: string;
  readonly pool?: Partial<PoolOptions>;
  readonly limits?: readonly LimitOptions[];
  readonly maxConnections?: number;
  readonly slowClientTimeoutMs?: number;
  /** Offered to clients; default: all that work. */
  readonly compressors?: readonly Compressor[];
  /** Asked of the server; default: none. */
  readonly upstreamCompressors?: readonly Compressor[];
  /** Default pool. */
  readonly mode?: ListenerMode;
  readonly logger?: Logger;
  readonly drainTimeoutMs?: number;
  readonly clock?: Clock;
  /** Do not wait for the upstream's first answer. */
  readonly isUpstreamAbsent?: boolean;
}

const POOL: PoolOptions = {
  maxConnections: 4,
  maxConnecting: 2,
  waitQueueTimeoutMs: 30_000,
  maxWaiters: 10_000,
  awaitConnections: 2,
};

function listenerExtras({ slowClientTimeoutMs, compressors }: HouseOptions): Partial<ListenerOptions> {
  return {
    ...(slowClientTimeoutMs === undefined ? {} : { slowClientTimeoutMs }),
    ...(compressors === undefined ? {} : { compressors }),
  };
}

export class House {
  readonly weir: Weir;
  readonly port: number;
  /** For a driver. */
  readonly uri: string;
  readonly #adminUrl: string;

  private constructor(weir: Weir) {
    this.weir = weir;
    this.port = weir.listeners[0]?.port ?? 0;
    this.uri = `mongodb://127.0.0.1:${this.port}/`;
    this.#adminUrl = `http://127.0.0.1:${weir.adminAddress?.port ?? 0}`;
  }

  static async start(options: HouseOptions): Promise<House> {
    const localhost = { host: '127.0.0.1', port: 0 };
    const weir = await startWeir(
      {
        listeners: [
          {
            name: 'main',
            bind: localhost,
            cluster: 'test',
            mode: options.mode ?? 'pool',
            maxConnections: options.maxConnections ?? 1000,
            ...listenerExtras(options),
          },
        ],
        clusters: [
          {
            name: 'test',
            seeds: [options.upstreamPort, ...(options.moreSeeds ?? [])].map((port) => ({ host: '127.0.0.1', port })),
            replicaSet: options.replicaSet ?? null,
            compressors: options.upstreamCompressors ?? [],
            pool: { ...POOL, ...options.pool },
          },
        ],
        limits: options.limits ?? [],
        stats: { maxRows: 10_000, maxCallSites: 1000 },
        admin: localhost,
        drainTimeoutMs: options.drainTimeoutMs ?? 30_000,
      },
      {
        ...(options.clock === undefined ? {} : { clock: options.clock }),
        ...(options.logger === undefined ? {} : { logger: options.logger }),
      },
    );
    const house = new House(weir);
    if (options.isUpstreamAbsent !== true) {
      await eventually('weir reaches its server', () => weir.snapshots.summary().upstreamReachable);
    }
    return house;
  }

  async stop(): Promise<void> {
    await this.weir.stop();
  }

  async get(path: string): Promise<Response> {
    return await fetch(this.#adminUrl + path);
  }

  /** Asks for a verb as the command line does; its result, or an error with the status and the sentence. */
  async obey(verb: string, body: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const response = await fetch(`${this.#adminUrl}/api/v1/${verb}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-weir': '1' },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as { readonly result?: unknown; readonly error?: string };
    if (!response.ok) throw new Error(`${response.status} ${answer.error}`);
    return answer.result;
  }

  async metrics(): Promise<MetricsPage> {
    return new MetricsPage(await (await this.get('/metrics')).text());
  }

  async summary(): Promise<Summary> {
    return (await this.#json('summary')) as Summary;
  }

  async collections(): Promise<OperationReportRow[]> {
    return (await this.#json('collections')) as OperationReportRow[];
  }

  async callSites(): Promise<OperationReportRow[]> {
    return (await this.#json('callsites')) as OperationReportRow[];
  }

  async pools(): Promise<PoolRow[]> {
    return (await this.#json('pools')) as PoolRow[];
  }

  async servers(): Promise<ServerRow[]> {
    return (await this.#json('servers')) as ServerRow[];
  }

  async cursors(): Promise<CursorSnapshot[]> {
    return (await this.#json('cursors')) as CursorSnapshot[];
  }

  /** Longest first. */
  async operations(): Promise<OperationInFlight[]> {
    return (await this.#json('operations')) as OperationInFlight[];
  }

  async clients(): Promise<ClientSnapshot[]> {
    return (await this.#json('clients')) as ClientSnapshot[];
  }

  async limits(): Promise<LimitSnapshot[]> {
    return (await this.#json('limits')) as LimitSnapshot[];
  }

  /** Upstream connections of the ordinary lane closed so far, by reason. */
  async closed(): Promise<Readonly<Record<string, number>>> {
    return (await this.pools()).find((pool) => pool.lane === 'ordinary')?.closed ?? {};
  }

  async #json(what: string): Promise<unknown> {
    const response = await this.get(`/api/v1/${what}`);
    if (!response.ok) throw new Error(`/api/v1/${what}: ${response.status}`);
    return await response.json();
  }
}
