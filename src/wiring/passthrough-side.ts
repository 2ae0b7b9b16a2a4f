// Mode passthrough, built and wired: for each cluster the server that it goes to, for each listener a server of ours.
// No logic of its own. Invariant: stop() ends all that was begun.

import type { ListenerOptions } from '../options.ts';
import { PassthroughServer } from '../passthrough/server.ts';
import { Target } from '../passthrough/target.ts';
import { Sniffer } from '../sniff/sniffer.ts';
import { defaultMaxConnections, listenersOf, passedThrough } from './plan.ts';
import type { SharedParts } from './shared.ts';

export class PassthroughSide {
  readonly targets: readonly Target[];
  readonly servers: readonly PassthroughServer[];
  readonly #shared: SharedParts;

  constructor(shared: SharedParts) {
    const { options, connector, clock, logger } = shared;
    this.#shared = shared;
    this.targets = passedThrough(options).map((cluster) => new Target({ options: cluster, connector, clock, logger }));
    this.servers = listenersOf('passthrough', options).map((listener) => this.#makeServer(listener));
  }

  /** Looks whether the servers are there; the listeners are opened one by one. */
  start(): void {
    for (const target of this.targets) target.start();
    this.#warnOfIdleLimits();
  }

  async drain(deadlineMs: number): Promise<void> {
    await Promise.all(this.servers.map((server) => server.drain(deadlineMs)));
  }

  async stop(): Promise<void> {
    await this.drain(0);
    for (const server of this.servers) server.stop();
    for (const target of this.targets) target.stop();
  }

  #warnOfIdleLimits(): void {
    const { options, logger } = this.#shared;
    if (options.limits.length === 0) return;
    for (const { name } of this.servers) {
      logger.warn({ listener: name }, 'limits do not apply to this listener: its mode is passthrough');
    }
  }

  #makeServer(listener: ListenerOptions): PassthroughServer {
    const { options, facts, attribution, decodeErrors, recorder, clock, logger, nextClientId } = this.#shared;
    const target = this.targets.find(({ cluster }) => cluster === listener.cluster);
    if (target === undefined) throw new Error(`listener ${listener.name}: no cluster ${listener.cluster}`);
    return new PassthroughServer({
      name: listener.name,
      bind: listener.bind,
      maxConnections: listener.maxConnections ?? defaultMaxConnections('passthrough', options, facts.descriptorLimit),
      idleTimeoutMs: listener.idleTimeoutMs ?? null,
      target,
      attribution,
      decodeErrors,
      makeSniffer: (parts) => new Sniffer({ ...parts, later: (run) => void clock.setTimer(0, run) }),
      recorder,
      nextId: nextClientId,
      clock,
      logger,
    });
  }
}
