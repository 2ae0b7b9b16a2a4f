// What an upstream connection is made of, and whom it tells. Types only, no behaviour.

import type { Clock } from '../core/clock.ts';
import type { ByteSocket } from '../net/byte-socket.ts';
import type { CompressionRequest } from './compression.ts';
import type { UpstreamConnection } from './connection.ts';
import type { Exchange } from './exchange.ts';
import type { PerishReason } from './perish.ts';
import type { RequestIds } from './request-ids.ts';

export interface UpstreamConnectionEvents {
  /** The first hello was answered with ok; the bytes of the answer's body. A login may follow. */
  onGreeted(connection: UpstreamConnection, helloBody: Buffer): void;
  /** Nothing is outstanding and it is clean. */
  onIdle(connection: UpstreamConnection): void;
  /** One exchange was answered; its owner hears of it right after this call. */
  onAnswered?(exchange: Exchange): void;
  /** Some of its exchanges were answered, others are still due. */
  onProgress?(connection: UpstreamConnection): void;
  /** It is gone; exchanges that it still had were failed before this call. `detail` is for logs and counters. */
  onClosed(connection: UpstreamConnection, reason: PerishReason, detail: string): void;
  onDecodeError(reason: string): void;
}

export interface UpstreamConnectionParts {
  readonly id: number;
  readonly generation: number;
  readonly socket: ByteSocket;
  readonly ids: RequestIds;
  readonly clock: Clock;
  readonly compression?: CompressionRequest;
  /** Larger replies are passed on as they come, where their owner can take them so; absent: none. */
  readonly replyBufferBytes?: number;
  readonly events: UpstreamConnectionEvents;
}
