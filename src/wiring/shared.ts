// What the parts of both modes are built from: one of each for the whole process. Types only, no behaviour.

import type { ByteBudget } from '../core/byte-budget.ts';
import type { Clock, Random } from '../core/clock.ts';
import type { CompressionCounts } from '../core/compression-counts.ts';
import type { Logger } from '../core/logger.ts';
import type { MachineFacts } from '../core/machine.ts';
import type { Tally } from '../core/tally.ts';
import type { Attribution } from '../filters/attribution.ts';
import type { RateLimitFilter } from '../filters/rate-limit.ts';
import type { OnFault } from '../net/byte-socket.ts';
import type { Connector } from '../net/connector.ts';
import type { SrvResolver } from '../net/srv-resolver.ts';
import type { TurnFlusher } from '../net/turn-flusher.ts';
import type { WeirOptions } from '../options.ts';
import type { Recorder } from '../recording/recorder.ts';

export interface SharedParts {
  readonly options: WeirOptions;
  readonly version: string;
  readonly facts: MachineFacts;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  readonly flusher: TurnFlusher;
  readonly connector: Connector;
  /** Absent: the system's DNS. */
  readonly srvResolver?: SrvResolver;
  /** Counts into the operation table, whichever way an operation came in. */
  readonly attribution: Attribution;
  readonly limits: RateLimitFilter;
  readonly recorder: Recorder;
  /** Keys `side|reason`. */
  readonly decodeErrors: Tally<string>;
  readonly compression: CompressionCounts;
  /** What clients hold in mode pool. */
  readonly budget: ByteBudget;
  /** Ids of client connections, unique over all listeners: people name them (weir kill client). */
  readonly nextClientId: () => number;
  readonly onFault: OnFault;
}
