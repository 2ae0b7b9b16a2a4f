// What passes a port, in a capture file: by dumpcap, or where this machine does not allow that, by a relay of our own.
// Invariant: which of the two it was, and why, is part of the result, so that a test can say it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from './child.ts';
import { RelayCapture } from './relay-capture.ts';
import { withCapture } from './wire-capture.ts';

const DEADLINE_MS = 20_000;

export interface Traffic {
  readonly file: string;
  /** The port in the packets on the server's side. */
  readonly port: number;
}

export interface TrafficRun {
  /** The port whose traffic is wanted. */
  readonly port: number;
  /** Uses the given port: the wanted one, or a relay's in front of it. */
  during(port: number): Promise<void>;
  /** The file is gone afterwards. */
  use(traffic: Traffic): Promise<void>;
}

/** What dumpcap said when it was not allowed to capture on the loopback interface; null where it is. */
export async function whyNotDumpcap(): Promise<string | null> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-capture-'));
  const dumpcap = new Child('dumpcap', ['-q', '-i', 'lo', '-w', join(folder, 'probe.pcapng')], { name: 'dumpcap' });
  try {
    await dumpcap.waitForLine(/^File: /m, DEADLINE_MS);
    return null;
  } catch {
    return dumpcap.log.slice(0, 500);
  } finally {
    await dumpcap.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

export async function withDumpcap({ port, during, use }: TrafficRun): Promise<void> {
  await withCapture(
    port,
    async () => during(port),
    async (file) => use({ file, port }),
  );
}

export async function withRelay({ port, during, use }: TrafficRun): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-capture-'));
  const file = join(folder, 'traffic.pcap');
  const relay = new RelayCapture(port);
  try {
    const relayPort = await relay.start();
    try {
      await during(relayPort);
    } finally {
      await relay.stop(file);
    }
    await use({ file, port: relayPort });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
