// A scripted server with weir in front of it and bare clients: what tests of a misbehaving server start from.
// It asserts nothing. Invariant: clear() ends all that was started, the latest first.

import { type BsonDocument, UUID } from '../../../codecs/index.ts';
import { emptyCursor, type RawRequest, RawServer } from '../../support/raw-server.ts';
import { House, type HouseOptions } from './house.ts';
import { RawClient } from './raw-client.ts';

export const FIND: BsonDocument = { find: 'orders', filter: {} };

/** A session. */
export const LSID: BsonDocument = { id: new UUID() };

export class FaultBench {
  readonly #cleanUps: (() => Promise<void> | void)[] = [];

  async clear(): Promise<void> {
    for (const cleanUp of this.#cleanUps.splice(0).reverse()) await cleanUp();
  }

  async startServer(): Promise<RawServer> {
    const server = new RawServer();
    server.script = (request) => request.reply(request.name === 'find' ? emptyCursor() : {});
    await server.start();
    this.#cleanUps.push(() => server.stop());
    return server;
  }

  async startHouse(server: RawServer, options: Partial<HouseOptions> = {}): Promise<House> {
    const house = await House.start({ upstreamPort: server.port, ...options });
    this.#cleanUps.push(() => house.stop());
    return house;
  }

  /** A connection that has said nothing yet. */
  async connectSilent(house: House): Promise<RawClient> {
    const client = await RawClient.connect(house.port);
    this.#cleanUps.push(() => client.destroy());
    return client;
  }

  async connectClient(house: House, app = 'faults'): Promise<RawClient> {
    const client = await this.connectSilent(house);
    await client.hello(app);
    return client;
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
