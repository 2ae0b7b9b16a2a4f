// The end of a client's socket when weir closes: what was written leaves first, then the peer has a while to follow.
// It knows no operations. Invariant: the socket is gone in the end, whatever the peer does.

import type { Clock } from '../core/clock.ts';
import type { ByteSocket } from '../net/byte-socket.ts';

/** After weir's last byte a peer has this long to close its side, or it is closed for it. */
const LINGER_MS = 1000;
/** A peer that still reads the last answer gets this many such periods for it. */
const LINGER_PERIODS = 10;

/** Reading goes on without effect: bytes that lie unread at a close would cost the peer its last answer. */
export function farewell(socket: ByteSocket, clock: Clock): void {
  socket.end();
  socket.resume();
  linger(socket, clock, LINGER_PERIODS);
}

function linger(socket: ByteSocket, clock: Clock, periods: number): void {
  clock.setTimer(LINGER_MS, () => {
    if (socket.isClosed) return;
    if (socket.unwrittenBytes > 0 && periods > 1) linger(socket, clock, periods - 1);
    else socket.destroy('lingered');
  });
}
