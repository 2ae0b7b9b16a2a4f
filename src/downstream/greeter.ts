// Answers hello and isMaster: introduces the client, then speaks for the upstream that is or was last known.
// Before the first contact with an upstream a hello waits, and after 5 s its connection is closed: an error here would make
// drivers clear their pools. Which face is shown is said by its host. Invariant: every waiting hello is answered, closed, or gone with its client.

import type { BsonDocument, ObjectId } from '../../codecs/index.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Journey, JourneyProgress, KillResult, Operation } from '../core/operation.ts';
import type { ServerDescription } from '../upstream/server-description.ts';
import { type ClientFace, helloAnswer } from './hello.ts';

const FIRST_CONTACT_WAIT_MS = 5000;

export interface GreeterHost {
  /** What clients that say loadBalanced are told. */
  readonly serviceId: ObjectId;
  faceOf(operation: Operation): ClientFace;
  /** Null before the first contact. */
  server(): ServerDescription | null;
  /** Compressors agreed with this client. */
  compressionOf(operation: Operation): readonly string[];
  onHelloAnswer(operation: Operation, document: BsonDocument): void;
  /** No upstream in time: the connection is to be closed. */
  onNoUpstream(operation: Operation): void;
}

/** A hello that waits for the first contact. */
class WaitingHello implements Journey {
  readonly operation: Operation;
  readonly timer: Timer;
  readonly #leave: (hello: WaitingHello) => void;
  readonly #giveUp: (operation: Operation) => void;

  constructor(
    operation: Operation,
    timer: Timer,
    ends: { leave: (hello: WaitingHello) => void; giveUp: (operation: Operation) => void },
  ) {
    this.operation = operation;
    this.timer = timer;
    this.#leave = ends.leave;
    this.#giveUp = ends.giveUp;
  }

  clientGone(): void {
    this.#leave(this);
    this.operation.finish('client_gone');
  }

  /** As if no upstream had come in time: an error would cost the driver its pool. */
  kill(): KillResult {
    this.#leave(this);
    this.operation.journey = null;
    this.#giveUp(this.operation);
    return 'left_queue';
  }

  progress(nowMs: number): JourneyProgress {
    return { state: 'waiting', waitedMs: nowMs - this.operation.arrivedMs, server: '' };
  }
}

export class Greeter {
  readonly #host: GreeterHost;
  readonly #clock: Clock;
  readonly #waiting: Set<WaitingHello> = new Set();

  constructor(host: GreeterHost, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
  }

  greet(operation: Operation): void {
    const server = this.#host.server();
    if (server !== null) return this.#answer(operation, server);
    const timer = this.#clock.setTimer(FIRST_CONTACT_WAIT_MS, () => {
      this.#waiting.delete(hello);
      operation.journey = null;
      this.#host.onNoUpstream(operation);
    });
    const hello = new WaitingHello(operation, timer, {
      leave: (gone) => {
        gone.timer.cancel();
        this.#waiting.delete(gone);
      },
      giveUp: (killed) => this.#host.onNoUpstream(killed),
    });
    operation.journey = hello;
    this.#waiting.add(hello);
  }

  /** The first usable upstream answered. */
  onFirstContact(): void {
    const server = this.#host.server();
    if (server === null) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const hello of waiting) {
      hello.timer.cancel();
      hello.operation.journey = null;
      this.#answer(hello.operation, server);
    }
  }

  #answer(operation: Operation, server: ServerDescription): void {
    const { command, client } = operation;
    const document = helloAnswer({
      name: command.name,
      askedHelloOk: command.document.getBoolean('helloOk') === true,
      face: this.#host.faceOf(operation),
      serviceId: this.#host.serviceId,
      server,
      connectionId: client.id,
      wallMs: this.#clock.wallMs(),
      compression: this.#host.compressionOf(operation),
    });
    this.#host.onHelloAnswer(operation, document);
  }
}
