// Makes the packets of TCP connections by script: who sends what, when; then loses, repeats or reorders them.
// Opens no socket. Invariant: the same script gives the same packets.

/** One TCP segment before it is put into IP. */
export interface ScriptedPacket {
  readonly connection: ScriptedConnection;
  readonly fromClient: boolean;
  readonly timeMs: number;
  readonly sequence: number;
  readonly acknowledged: number;
  readonly flags: number;
  readonly payload: Buffer;
}

export interface ScriptedConnectionOptions {
  readonly clientPort?: number;
  readonly serverPort?: number;
  /** IPv4 in dots, or IPv6 as 32 hex digits. */
  readonly clientHost?: string;
  readonly serverHost?: string;
  /** First sequence numbers of client and server. */
  readonly initial?: readonly [number, number];
  /** Largest payload of a segment. */
  readonly segmentBytes?: number;
}

export const FLAG = { fin: 1, syn: 2, rst: 4, push: 8, ack: 16 } as const;

export class ScriptedConnection {
  readonly clientHost: string;
  readonly serverHost: string;
  readonly clientPort: number;
  readonly serverPort: number;
  readonly packets: ScriptedPacket[] = [];
  readonly #segmentBytes: number;
  /** Next sequence numbers of client and server. */
  readonly #next: [number, number];

  constructor(options: ScriptedConnectionOptions = {}) {
    this.clientHost = options.clientHost ?? '10.0.0.1';
    this.serverHost = options.serverHost ?? '10.0.0.2';
    this.clientPort = options.clientPort ?? 40_000;
    this.serverPort = options.serverPort ?? 27_017;
    this.#segmentBytes = options.segmentBytes ?? 1460;
    this.#next = [...(options.initial ?? [1000, 500_000])] as [number, number];
  }

  /** The three packets of a handshake. */
  open(timeMs: number): this {
    this.#add(true, timeMs, FLAG.syn);
    this.#next[0] += 1;
    this.#add(false, timeMs, FLAG.syn | FLAG.ack);
    this.#next[1] += 1;
    return this.acknowledge(true, timeMs);
  }

  /** Bytes in segments; the receiver acknowledges them with what it sends next, or by acknowledge(). */
  send(fromClient: boolean, bytes: Buffer, timeMs: number): this {
    for (let at = 0; at < bytes.length; at += this.#segmentBytes) {
      const payload = bytes.subarray(at, at + this.#segmentBytes);
      this.#add(fromClient, timeMs, FLAG.ack | FLAG.push, payload);
      this.#next[fromClient ? 0 : 1] += payload.length;
    }
    return this;
  }

  acknowledge(fromClient: boolean, timeMs: number): this {
    return this.#add(fromClient, timeMs, FLAG.ack);
  }

  /** FIN from both sides, `fromClient` first. */
  close(timeMs: number, fromClient = true): this {
    for (const client of [fromClient, !fromClient]) {
      this.#add(client, timeMs, FLAG.fin | FLAG.ack);
      this.#next[client ? 0 : 1] += 1;
    }
    return this.acknowledge(fromClient, timeMs);
  }

  reset(fromClient: boolean, timeMs: number): this {
    return this.#add(fromClient, timeMs, FLAG.rst | FLAG.ack);
  }

  #add(fromClient: boolean, timeMs: number, flags: number, payload: Buffer = Buffer.alloc(0)): this {
    const [client, server] = this.#next;
    this.packets.push({
      connection: this,
      fromClient,
      timeMs,
      flags,
      payload,
      sequence: (fromClient ? client : server) >>> 0,
      acknowledged: flags & FLAG.ack ? (fromClient ? server : client) >>> 0 : 0,
    });
    return this;
  }
}

/** A number in [0, 1) from a seed: the same seed, the same numbers. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 0x1_0000_0000;
  };
}

/** Moves each packet up to `reach` places; the first `fixed` stay. Times stay in place, as a capture stamps them. */
export function reorder(
  packets: readonly ScriptedPacket[],
  random: () => number,
  reach: number,
  fixed: number,
): ScriptedPacket[] {
  const keyed = packets.map((packet, index) => ({ packet, key: index < fixed ? index : index + random() * reach }));
  keyed.sort((a, b) => a.key - b.key);
  return keyed.map(({ packet }, index) => ({ ...packet, timeMs: (packets[index] as ScriptedPacket).timeMs }));
}

/** Repeats some packets with payload, whole or from the middle of the one before, a little later. */
export function repeat(packets: readonly ScriptedPacket[], random: () => number, share: number): ScriptedPacket[] {
  const result: ScriptedPacket[] = [];
  const later: ScriptedPacket[] = [];
  for (const packet of packets) {
    result.push(packet);
    if (packet.payload.length > 1 && random() < share) {
      const cut = Math.floor(random() * packet.payload.length);
      later.push({ ...packet, sequence: (packet.sequence + cut) >>> 0, payload: packet.payload.subarray(cut) });
    }
    if (later.length > 0 && random() < 0.5) {
      const again = later.shift() as ScriptedPacket;
      result.push({ ...again, timeMs: packet.timeMs });
    }
  }
  return result;
}
