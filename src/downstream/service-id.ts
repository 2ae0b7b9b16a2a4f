// The name of this weir as a service behind a load balancer: what clients that say loadBalanced find in every hello, and
// what their drivers keep apart connections to several weirs by. Pure. Invariant: one weir, one id, as long as it runs.

import { ObjectId } from '../../codecs/index.ts';
import type { Random } from '../core/clock.ts';

const ID_BYTES = 12;

/** Made once, at the start. */
export function makeServiceId(random: Random): ObjectId {
  return new ObjectId(Uint8Array.from({ length: ID_BYTES }, () => Math.floor(random() * 256)));
}
