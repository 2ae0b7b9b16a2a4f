// TLS towards a server: what is checked, and the sentence for each way in which it fails, on real sockets of 127.0.0.1.
// Certificates are those of fixtures/tls.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createTcpServer, type Server } from 'node:net';
import { after, describe, test } from 'node:test';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { systemClock } from '../../../src/core/clock.ts';
import { SecretText } from '../../../src/core/secret.ts';
import type { ByteSocket } from '../../../src/net/byte-socket.ts';
import { TlsConnector } from '../../../src/net/tls-connector.ts';
import { TurnFlusher } from '../../../src/net/turn-flusher.ts';
import type { UpstreamTls } from '../../../src/options.ts';
import { PASSPHRASE, readPem, readTlsFixture } from '../../support/tls-fixtures.ts';

const HOST = '127.0.0.1';
const servers: Server[] = [];
const good = readPem('good');
const client = readPem('client');

after(() => {
  for (const server of servers) server.close();
});

/** Echoes; resolves with its port. */
async function serve(options: TlsOptions): Promise<{ port: number; sockets: TLSSocket[]; names: unknown[] }> {
  const sockets: TLSSocket[] = [];
  const names: unknown[] = [];
  const server = createServer(options, (socket) => {
    sockets.push(socket);
    names.push(socket.getPeerCertificate().subject?.CN);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => socket.write(chunk));
  });
  server.on('tlsClientError', () => {});
  return { port: await listen(server), sockets, names };
}

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, HOST);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function connectorWith(tls: Partial<UpstreamTls>): TlsConnector {
  const all = { ca: null, certificateKey: null, certificateKeyPassword: null };
  return new TlsConnector({
    tls: { ...all, allowInvalidHostnames: false, allowInvalidCertificates: false, ...tls },
    clock: systemClock,
    flusher: new TurnFlusher(systemClock),
    onFault: (error) => {
      throw error;
    },
  });
}

interface Opened {
  readonly socket: ByteSocket;
  /** Resolves with this many bytes. */
  bytes(count: number): Promise<Buffer>;
  readonly closed: Promise<string>;
}

/** An open connection, or the reason why there is none. */
async function open(tls: Partial<UpstreamTls>, port: number, host = HOST, timeoutMs = 5000): Promise<Opened | string> {
  return new Promise((resolve) => {
    connectorWith(tls).connect({ host, port }, timeoutMs, {
      onFailed: resolve,
      onConnected: (socket) => resolve(watch(socket)),
    });
  });
}

function watch(socket: ByteSocket): Opened {
  const chunks: Buffer[] = [];
  let wake = (): void => {};
  const closed = new Promise<string>((resolve) => {
    socket.attach({
      onData: (chunk) => {
        assert.equal(socket.unwrittenBytes, 0, 'what was asked has left before the answer is handed on');
        chunks.push(chunk);
        wake();
      },
      onClose: resolve,
      onDrain: () => {},
    });
  });
  const bytes = async (count: number): Promise<Buffer> => {
    while (Buffer.concat(chunks).length < count) await new Promise<void>((resolve) => (wake = resolve));
    return Buffer.concat(chunks);
  };
  return { socket, bytes, closed };
}

async function reasonFor(...args: Parameters<typeof open>): Promise<string> {
  const opened = await open(...args);
  if (typeof opened !== 'string') throw new Error('it opened');
  return opened;
}

async function mustOpen(...args: Parameters<typeof open>): Promise<Opened> {
  const opened = await open(...args);
  if (typeof opened === 'string') throw new Error(opened);
  return opened;
}

describe('a TLS connection', () => {
  test('carries bytes both ways, in order, and tells of its end', async () => {
    const { port, sockets } = await serve(good);
    const opened = await mustOpen({ ca: good.cert }, port);
    for (let round = 0; round < 200; round++) {
      opened.socket.write(Buffer.alloc(50, round));
      assert.equal((await opened.bytes((round + 1) * 50)).at(-1), round);
    }
    const large = Buffer.alloc(3_000_000, 7);
    opened.socket.write(large);
    const all = await opened.bytes(10_000 + large.length);
    assert.ok(all.subarray(10_000).equals(large));
    sockets[0]?.end();
    assert.equal(await opened.closed, 'peer_closed');
  });

  test('asks for a host by its name, and for an address by none', async () => {
    const names: string[] = [];
    const SNICallback = (name: string, done: (error: null) => void): void => {
      names.push(name);
      done(null);
    };
    const { port } = await serve({ ...good, SNICallback });
    (await mustOpen({ ca: good.cert }, port, 'localhost')).socket.destroy('over');
    (await mustOpen({ ca: good.cert }, port)).socket.destroy('over');
    assert.deepEqual(names, ['localhost']);
  });

  test('shows a certificate of its own, with its key locked or not', async () => {
    const { port, names } = await serve({ ...good, requestCert: true, ca: client.cert, rejectUnauthorized: true });
    const locked = client.cert + readTlsFixture('client-locked.key');
    for (const tls of [
      { certificateKey: client.cert + client.key },
      { certificateKey: locked, certificateKeyPassword: new SecretText(PASSPHRASE) },
    ]) {
      const opened = await mustOpen({ ca: good.cert, ...tls }, port);
      opened.socket.write(Buffer.from('x'));
      await opened.bytes(1);
      opened.socket.destroy('over');
    }
    assert.deepEqual(names, ['client', 'client']);
  });
});

describe('a TLS connection that fails', () => {
  test('because of an unknown authority, unless that is allowed', async () => {
    const { port } = await serve(good);
    assert.match(await reasonFor({}, port), /authority that is not known here: name its file in tlsCAFile/);
    (await mustOpen({ allowInvalidCertificates: true }, port)).socket.destroy('over');
  });

  test('because of the host name, unless that is allowed', async () => {
    const other = readPem('other');
    const { port } = await serve(other);
    const wrongName = /certificate is for other host names/;
    assert.match(await reasonFor({ ca: other.cert }, port), wrongName);
    assert.match(await reasonFor({ allowInvalidCertificates: true }, port), wrongName);
    (await mustOpen({ ca: other.cert, allowInvalidHostnames: true }, port)).socket.destroy('over');
  });

  test('because the certificate has expired', async () => {
    const cert = readTlsFixture('expired.pem');
    const { port } = await serve({ cert, key: good.key });
    assert.match(await reasonFor({ ca: cert }, port), /has expired: it must be renewed at the server/);
  });

  test('because the server does not speak TLS', async () => {
    const answering = createTcpServer((socket) => socket.on('error', () => {}).end('hello, this is no TLS at all'));
    assert.match(await reasonFor({}, await listen(answering)), /does not speak TLS at this port/);
    const closing = createTcpServer((socket) => socket.on('data', () => socket.destroy()));
    assert.match(await reasonFor({}, await listen(closing)), /does not speak TLS at this port/);
  });

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`because the server wants a certificate (${version})`, async () => {
      const wants = { requestCert: true, rejectUnauthorized: true, ca: client.cert, maxVersion: version };
      const { port } = await serve({ ...good, ...wants });
      // With TLS 1.3 the connection opens first, and is closed with the reason.
      const why = async (tls: Partial<UpstreamTls>): Promise<string> => {
        const opened = await open({ ca: good.cert, ...tls }, port);
        return typeof opened === 'string' ? opened : opened.closed;
      };
      assert.match(await why({}), /wants a certificate of weir: name its file in tlsCertificateKeyFile/);
      const stranger = readPem('stranger');
      // Node's own server says nothing to strangers but hangs up; what others say is in tls-failure.test.ts.
      const refused = await why({ certificateKey: stranger.cert + stranger.key });
      assert.match(refused, version === 'TLSv1.2' ? /ended the TLS handshake/ : /^(?:peer_closed|ECONNRESET)$/);
    });
  }

  test('because nobody listens, or nobody answers in time', async () => {
    const silent = createTcpServer((socket) => socket.on('error', () => {}));
    assert.match(await reasonFor({}, await listen(silent), HOST, 200), /says nothing to a TLS handshake/);
    const free = createTcpServer();
    const closedPort = await listen(free);
    free.close();
    assert.equal(await open({}, closedPort), 'ECONNREFUSED');
  });

  test('says nothing after a cancel', async () => {
    const { port } = await serve(good);
    const told: string[] = [];
    const attempt = connectorWith({ ca: good.cert }).connect({ host: HOST, port }, 5000, {
      onConnected: () => void told.push('connected'),
      onFailed: (reason) => void told.push(reason),
    });
    attempt.cancel();
    (await mustOpen({ ca: good.cert }, port)).socket.destroy('over');
    assert.deepEqual(told, []);
  });
});
