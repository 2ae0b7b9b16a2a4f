// A scripted server with weir in front of it, bare clients and, where asked for, a relay that breaks what passes: what
// tests of misbehaving peers start from. Invariant: clear() ends all that was started, and fails when weir still holds
// something of clients that are gone; open transactions apart, which have their 30 s.

import assert from 'node:assert/strict';
import { type BsonDocument, UUID } from '../../../codecs/index.ts';
import type { Clock } from '../../../src/core/clock.ts';
import { FaultRelay } from '../../support/fault-relay.ts';
import { FaultScript } from '../../support/fault-script.ts';
import { leftIn } from '../../support/leaks.ts';
import { answerOk, emptyCursor, type RawRequest, RawServer } from '../../support/raw-server.ts';
import { eventually } from './eventually.ts';
import { House, type HouseOptions } from './house.ts';
import { RawClient } from './raw-client.ts';

export const FIND: BsonDocument = { find: 'orders', filter: {} };

/** A session. */
export const LSID: BsonDocument = { id: new UUID() };

const TRANSACTIONS = / transactions$/;

export class FaultBench {
  readonly #clients: RawClient[] = [];
  readonly #houses: House[] = [];
  readonly #relays: FaultRelay[] = [];
  readonly #servers: RawServer[] = [];

  async clear(): Promise<void> {
    const houses = this.#houses.splice(0);
    try {
      for (const client of this.#clients.splice(0)) client.destroy();
      for (const server of this.#servers) await restore(server);
      for (const relay of this.#relays) makeHarmless(relay);
      for (const house of houses) await assertNothingStays(house);
    } finally {
      for (const house of houses) await house.stop();
      for (const relay of this.#relays.splice(0)) await relay.stop();
      for (const server of this.#servers.splice(0)) await server.stop();
    }
  }

  async startServer(): Promise<RawServer> {
    const server = new RawServer();
    server.script = (request) => request.reply(request.name === 'find' ? emptyCursor() : {});
    await server.start();
    this.#servers.push(server);
    return server;
  }

  /** A relay in front of a port; no rules yet. Its delays are on this clock, the machine's by default. */
  async startRelay(target: { readonly port: number }, clock?: Clock): Promise<FaultRelay> {
    const relay = new FaultRelay(target.port, clock);
    await relay.start();
    this.#relays.push(relay);
    return relay;
  }

  async startHouse(upstream: { readonly port: number }, options: Partial<HouseOptions> = {}): Promise<House> {
    const house = await House.start({ upstreamPort: upstream.port, ...options });
    this.#houses.push(house);
    return house;
  }

  /** A connection that has said nothing yet. */
  async connectSilent(house: { readonly port: number }): Promise<RawClient> {
    const client = await RawClient.connect(house.port);
    this.#clients.push(client);
    return client;
  }

  async connectClient(house: { readonly port: number }, app = 'faults'): Promise<RawClient> {
    const client = await this.connectSilent(house);
    await client.hello(app);
    return client;
  }
}

/** The server is there and answers whatever comes; what it owes is lost. */
async function restore(server: RawServer): Promise<void> {
  server.script = answerOk;
  server.mayAnswerHello = () => true;
  for (const connection of server.connections) connection.destroy();
  if (!server.isListening) await server.start();
}

function makeHarmless(relay: FaultRelay): void {
  relay.script = new FaultScript();
  relay.welcome = 'serve';
  relay.breakAll();
}

async function assertNothingStays({ weir }: House): Promise<void> {
  const left = (): string[] => leftIn(weir).filter((text) => !TRANSACTIONS.test(text));
  try {
    await eventually('nothing is left', () => left().length === 0);
  } catch {
    assert.deepEqual(left(), [], 'something is left of clients that are gone');
  }
}

/** Runs `fault` for the first request of this name, and the script that was there for every other. */
export function strikeOnce(server: RawServer, name: string, fault: (request: RawRequest) => void): void {
  const { script } = server;
  let isDue = true;
  server.script = (request) => {
    if (!isDue || request.name !== name) return script(request);
    isDue = false;
    fault(request);
  };
}
