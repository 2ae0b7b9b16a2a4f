// Captures the loopback traffic of one port with dumpcap while something runs.
// Does not read the file. Invariant: what passed before `during` resolved is in the file when it is returned, and the
// file is gone when its user is done.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeMessage } from '../../../codecs/index.ts';
import { Child } from './child.ts';

const DEADLINE_MS = 20_000;
const POLL_MS = 50;
/** The request whose reply marks the end; no driver numbers its requests so high within a test. */
const LAST_REQUEST_ID = 0x5eed_0fed;

/** The file with everything that went through `port` during `during`, for as long as `use` runs. */
export async function withCapture(
  port: number,
  during: () => Promise<void>,
  use: (file: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-capture-'));
  const file = join(folder, 'traffic.pcapng');
  const dumpcap = new Child('dumpcap', ['-q', '-i', 'lo', '-f', `tcp port ${String(port)}`, '-w', file], {
    name: 'dumpcap (from the Debian package wireshark-common; capturing needs root or cap_net_raw)',
  });
  try {
    // Written once the interface is open.
    await dumpcap.waitForLine(/^File: /m, DEADLINE_MS);
    await during();
    await sendLast(port);
    await holdsLast(file);
    dumpcap.signal('SIGINT');
    await dumpcap.ended;
    await use(file);
  } finally {
    await dumpcap.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Whether this is the mark at the end of a capture, or the answer to it. */
export function isLast({
  requestId,
  responseTo,
}: {
  readonly requestId: number;
  readonly responseTo: number;
}): boolean {
  return requestId === LAST_REQUEST_ID || responseTo === LAST_REQUEST_ID;
}

async function sendLast(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  const message = encodeMessage({ ping: 1, $db: 'admin' }, LAST_REQUEST_ID, 0);
  await new Promise<void>((resolve, reject) => {
    socket.setTimeout(DEADLINE_MS, () => socket.destroy(new Error('no answer to the last message of a capture')));
    socket.once('error', reject);
    socket.once('data', () => resolve());
    socket.write(message);
  });
  socket.destroy();
}

/** Packets reach the file in order, so that the answer to the last request means that all before it are there. */
async function holdsLast(file: string): Promise<void> {
  const mark = Buffer.alloc(4);
  mark.writeInt32LE(LAST_REQUEST_ID);
  const end = performance.now() + DEADLINE_MS;
  while (performance.now() < end) {
    const bytes = await readFile(file);
    const first = bytes.indexOf(mark);
    if (first >= 0 && bytes.includes(mark, first + 4)) return;
    await sleep(POLL_MS);
  }
  throw new Error('the capture does not hold the last message');
}
