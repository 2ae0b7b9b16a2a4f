// NetSocket, connector and listener on real sockets of 127.0.0.1.
// What is made of the bytes is not tested here. Invariants tested: onClose once and nothing after it; one write a turn;
// what the memory sockets of other tests claim about the real ones (gathered bytes, end, drain) is true.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { after, describe, test } from 'node:test';
import { systemClock } from '../../../src/core/clock.ts';
import type { ByteSocket, SocketEvents } from '../../../src/net/byte-socket.ts';
import { TcpConnector } from '../../../src/net/connector.ts';
import { type Listener, listen } from '../../../src/net/listener.ts';
import { TurnFlusher } from '../../../src/net/turn-flusher.ts';

const flusher = new TurnFlusher(systemClock);
/** Mistakes of weir's own; only one test makes one. */
const faults: unknown[] = [];
const onFault = (error: unknown): void => void faults.push(error);
const ends: (() => void)[] = [];
after(() => {
  for (const end of ends) end();
});

interface Far {
  readonly socket: Socket;
  readonly chunks: Buffer[];
  /** Resolves when this many bytes have arrived. */
  bytes(count: number): Promise<Buffer>;
}

function farEnd(socket: Socket): Far {
  const chunks: Buffer[] = [];
  let wake = (): void => {};
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    wake();
  });
  socket.on('error', () => {});
  ends.push(() => socket.destroy());
  const bytes = async (count: number): Promise<Buffer> => {
    while (chunks.reduce((sum, chunk) => sum + chunk.length, 0) < count) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return Buffer.concat(chunks);
  };
  return { socket, chunks, bytes };
}

/** Records; `next` resolves with the next line that starts with the wanted word. */
function recorder(): { events: SocketEvents; lines: string[]; seen: (line: string) => Promise<void> } {
  const lines: string[] = [];
  let wake = (): void => {};
  const add = (line: string): void => {
    lines.push(line);
    wake();
  };
  const seen = async (line: string): Promise<void> => {
    while (!lines.includes(line)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const events: SocketEvents = {
    onData: (chunk) => add(`data ${chunk.toString()}`),
    onClose: (reason) => add(`close ${reason}`),
    onDrain: () => add('drain'),
  };
  return { events, lines, seen };
}

/** A NetSocket and the socket at the other end. */
async function pair(
  options: { allowHalfOpen?: boolean } = {},
): Promise<{ near: ByteSocket; far: Far; listener: Listener }> {
  let accepted: (socket: ByteSocket) => void = () => {};
  const nearPromise = new Promise<ByteSocket>((resolve) => {
    accepted = resolve;
  });
  const listener = await listen({ host: '127.0.0.1', port: 0 }, flusher, onFault, accepted);
  const socket = connect({ ...listener.address, ...options });
  await once(socket, 'connect');
  const near = await nearPromise;
  ends.push(() => {
    near.destroy('test over');
    void listener.stop();
  });
  return { near, far: farEnd(socket), listener };
}

describe('a byte socket', { timeout: 10_000 }, () => {
  test('delivers, and closes once when the peer does', async () => {
    const { near, far } = await pair();
    const { events, lines, seen } = recorder();
    near.attach(events);
    far.socket.write('hello');
    await seen('data hello');
    far.socket.end();
    await seen('close peer_closed');
    near.destroy('again');
    assert.deepEqual(lines, ['data hello', 'close peer_closed']);
    assert.equal(near.isClosed, true);
    assert.match(near.remoteAddress, /127\.0\.0\.1/);
    assert.equal(near.remotePort, far.socket.localPort ?? 0);
  });

  test('sends what one turn gathered together', async () => {
    const { near, far } = await pair();
    near.attach(recorder().events);
    for (const text of ['a', 'bc', 'def']) near.write(Buffer.from(text));
    assert.equal(near.gatheredBytes, 6);
    assert.equal(near.unwrittenBytes, 6);
    assert.equal((await far.bytes(6)).toString(), 'abcdef');
    assert.equal(far.chunks.length, 1);
    assert.equal(near.gatheredBytes, 0);
    assert.equal(near.unwrittenBytes, 0);
  });

  test('says drain when all has left, of more than the kernel takes at once', async () => {
    const { near, far } = await pair();
    const { events, lines, seen } = recorder();
    near.attach(events);
    far.socket.pause();
    near.write(Buffer.alloc(20_000_000, 1));
    await turns(20);
    assert.ok(near.unwrittenBytes > 0);
    assert.deepEqual(lines, []);
    far.socket.resume();
    await seen('drain');
    assert.equal(near.unwrittenBytes, 0);
    assert.equal((await far.bytes(20_000_000)).length, 20_000_000);
  });

  test('says drain also when the kernel takes a large write at once', { timeout: 3000 }, async () => {
    const { near, far } = await pair();
    const { events, lines, seen } = recorder();
    near.attach(events);
    near.write(Buffer.alloc(1_100_000, 1));
    await far.bytes(1_100_000);
    await seen('drain');
    assert.deepEqual(lines, ['drain']);
    assert.equal(near.unwrittenBytes, 0);
  });

  test('shows its owner in onClose what never left', async () => {
    const { near } = await pair();
    let gathered = -1;
    near.attach({
      ...recorder().events,
      onClose: () => {
        gathered = near.gatheredBytes;
      },
    });
    near.write(Buffer.from('never'));
    near.destroy('abandoned');
    assert.equal(gathered, 5);
    assert.equal(near.gatheredBytes, 0);
  });

  test('end() sends what was written and then closes; later writes are nothing', async () => {
    const { near, far } = await pair();
    const { events, seen } = recorder();
    near.attach(events);
    near.write(Buffer.from('last'));
    near.end();
    near.write(Buffer.from('too late'));
    await once(far.socket, 'end');
    assert.equal(Buffer.concat(far.chunks).toString(), 'last');
    await seen('close peer_closed');
  });

  test('destroy() drops what was gathered and is told once', async () => {
    const { near, far } = await pair();
    const { events, lines } = recorder();
    near.attach(events);
    near.write(Buffer.from('never'));
    near.destroy('abandoned');
    assert.equal(near.gatheredBytes, 0);
    await once(far.socket, 'close');
    assert.deepEqual(far.chunks, []);
    assert.deepEqual(lines, ['close abandoned']);
  });

  test('a reset is a close with the code', async () => {
    const { near, far } = await pair();
    const { events, lines, seen } = recorder();
    near.attach(events);
    far.socket.resetAndDestroy();
    await seen('close ECONNRESET');
    assert.deepEqual(lines, ['close ECONNRESET']);
  });

  test('a mistake that its bytes find costs this connection only', async () => {
    const { near, far } = await pair();
    const closes: string[] = [];
    const mistake = new Error('of our own');
    near.attach({
      onData: () => {
        throw mistake;
      },
      onClose: (reason) => void closes.push(reason),
      onDrain: () => {},
    });
    far.socket.write('x');
    await once(far.socket, 'close');
    assert.deepEqual(closes, ['internal_error']);
    assert.deepEqual(faults.splice(0), [mistake]);
  });

  test('and so does one in a callback of elsewhere', async () => {
    const { near, far } = await pair();
    const closes: string[] = [];
    near.attach({ onData: () => {}, onClose: (reason) => void closes.push(reason), onDrain: () => {} });
    near.runGuarded(() => near.write(Buffer.from('fine')));
    await far.bytes(4);
    const mistake = new Error('of our own');
    near.runGuarded(() => {
      throw mistake;
    });
    await once(far.socket, 'close');
    assert.deepEqual(closes, ['internal_error']);
    assert.deepEqual(faults.splice(0), [mistake]);
  });

  test('nothing is delivered while paused; everything after resume', async () => {
    const { near, far } = await pair();
    const { events, lines, seen } = recorder();
    near.attach(events);
    near.pause();
    await new Promise<void>((resolve) => {
      far.socket.write('held', () => resolve());
    });
    await turns(20);
    assert.deepEqual(lines, []);
    near.resume();
    await seen('data held');
  });
});

/** Lets the event loop go round. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
}

describe('the connector', { timeout: 10_000 }, () => {
  const connector = new TcpConnector(systemClock, flusher, onFault);

  async function dial(port: number): Promise<string> {
    return new Promise((resolve) => {
      connector.connect({ host: '127.0.0.1', port }, 5000, {
        onConnected: (socket) => {
          socket.destroy('enough');
          resolve('connected');
        },
        onFailed: resolve,
      });
    });
  }

  async function listening(): Promise<{ server: Server; port: number }> {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      ends.push(() => socket.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ends.push(() => server.close());
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    return { server, port: address.port };
  }

  test('connects', async () => {
    const { port } = await listening();
    assert.equal(await dial(port), 'connected');
  });

  test('tells the code of a refusal', async () => {
    const { server, port } = await listening();
    server.close();
    await once(server, 'close');
    assert.equal(await dial(port), 'ECONNREFUSED');
  });

  test('that was cancelled calls nobody', async () => {
    const { port } = await listening();
    const calls: string[] = [];
    const attempt = connector.connect({ host: '127.0.0.1', port }, 5000, {
      onConnected: () => void calls.push('connected'),
      onFailed: () => void calls.push('failed'),
    });
    attempt.cancel();
    attempt.cancel();
    await turns(20);
    assert.equal(await dial(port), 'connected');
    assert.deepEqual(calls, []);
  });
});

describe('the listener', { timeout: 10_000 }, () => {
  test('tells its port and refuses one that is taken', async () => {
    const first = await listen({ host: '127.0.0.1', port: 0 }, flusher, onFault, () => {});
    ends.push(() => void first.stop());
    assert.ok(first.address.port > 0);
    await assert.rejects(
      listen(first.address, flusher, onFault, () => {}),
      { code: 'EADDRINUSE' },
    );
  });

  test('stops accepting', async () => {
    const { listener, near, far } = await pair();
    near.attach(recorder().events);
    const stopped = listener.stop();
    const late = connect(listener.address);
    const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNREFUSED');
    far.socket.end();
    await stopped;
  });
});
