// A new connection's handshake as it goes on: which reply is due, the patience for all of it, and each step in its turn.
// What the messages mean is the handshake's business (handshake.ts). Invariant: no reply is taken that is not due, and after
// the end no step is.

import type { ReplyView } from '../../codecs/index.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Handshake, HandshakeStep } from './handshake.ts';
import type { PerishReason } from './perish.ts';

/** The connection's side. */
export interface GreetingHost {
  /** Writes a message under a new id, and gives that. */
  write(encode: (requestId: number) => Buffer): number;
  /** The hello's answer, with ok: 1; false: the connection is gone. May throw DecodeError. */
  onHello(reply: ReplyView): boolean;
  onDone(): void;
  destroy(reason: PerishReason, detail: string): void;
  /** Runs a step in the socket's guard; `isLate`: no read goes on that would settle the connection at its end. */
  run(step: () => void, isLate: boolean): void;
}

export class Greeting {
  readonly #handshake: Handshake;
  readonly #host: GreetingHost;
  readonly #timer: Timer;
  /** The id that the next reply must name; 0: none is due. */
  #dueId = 0;
  #isGreeted = false;
  #isOver = false;

  /** Says the first message. */
  constructor(handshake: Handshake, host: GreetingHost, clock: Clock, timeoutMs: number) {
    this.#handshake = handshake;
    this.#host = host;
    this.#timer = clock.setTimer(timeoutMs, () =>
      host.destroy('endpoint_silent', this.#isGreeted ? 'login not answered in time' : 'hello not answered in time'),
    );
    this.#say((requestId) => handshake.start(requestId));
  }

  /** Whether a reply to this request is the one that is due; it is due once. */
  takes(responseTo: number): boolean {
    if (this.#dueId === 0 || responseTo !== this.#dueId) return false;
    this.#dueId = 0;
    return true;
  }

  /** @throws DecodeError where the hello's answer is malformed. */
  receive(reply: ReplyView): void {
    if (!this.#isGreeted && !this.#greets(reply)) return;
    let isLate = false;
    this.#handshake.onReply(reply, (step) => this.#host.run(() => this.#proceed(step), isLate));
    isLate = true;
  }

  stop(): void {
    this.#isOver = true;
    this.#timer.cancel();
  }

  #say(encode: (requestId: number) => Buffer): void {
    this.#dueId = this.#host.write(encode);
  }

  #greets(reply: ReplyView): boolean {
    if (!reply.ok) {
      this.#host.destroy('handshake_failed', reply.errmsg);
      return false;
    }
    this.#isGreeted = true;
    return this.#host.onHello(reply);
  }

  #proceed(step: HandshakeStep): void {
    if (this.#isOver) return;
    if (step.kind === 'send') return this.#say((requestId) => step.encode(requestId));
    if (step.kind === 'failed') return this.#host.destroy(step.reason, step.detail);
    this.stop();
    this.#host.onDone();
  }
}
