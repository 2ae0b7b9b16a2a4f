// What a real driver did, captured between it and a server, comes out of `weir decode` as it was: per command and
// collection, with call sites; and the command as a process: standard input, a closed output, its exit codes.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MongoClient } from 'mongodb';
import { encodeMessage } from '../../codecs/index.ts';
import type { DecodeReport } from '../../src/cli/decode-report.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { pcapFile, pcapngFile, recordsOf } from '../support/capture-writer.ts';
import { mongoScript } from '../support/mongo-script.ts';
import { reorder, repeat, ScriptedConnection, type ScriptedPacket, seededRandom } from '../support/tcp-script.ts';
import { eventually, within } from './harness/eventually.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Handshakes come in their order. */
const OPENING = 3;

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the sources, so that nothing has to be built. */
async function weir(args: readonly string[], input: Buffer = Buffer.alloc(0)): Promise<Ended> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', 'decode', ...args], { cwd: ROOT });
  const text = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    text.out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    text.err += chunk.toString();
  });
  // It may end before it has read all, for a format that it refuses.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code] = (await within('weir decode ends', once(child, 'close'))) as [number | null];
  return { code, ...text };
}

async function inFolder(t: TestContext, name: string, bytes: Buffer): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-decode-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, name), bytes);
  return join(folder, name);
}

/** A relay whose traffic is written down as the packets of a capture. */
class CapturingRelay {
  readonly connections: ScriptedConnection[] = [];
  /** Clients that have not closed. */
  open = 0;
  readonly #packets: ScriptedPacket[] = [];
  readonly #sockets: Socket[] = [];
  readonly #server: ReturnType<typeof createServer>;

  constructor(upstreamPort: number) {
    this.#server = createServer((client) => {
      const scripted = new ScriptedConnection({
        clientPort: 50_000 + this.connections.length,
        serverPort: 27_017,
        segmentBytes: 1400,
      }).open(Date.now());
      this.connections.push(scripted);
      const server = connect(upstreamPort, '127.0.0.1');
      this.#sockets.push(client, server);
      this.open += 1;
      this.#note(scripted);
      for (const [from, to, isClient] of [
        [client, server, true],
        [server, client, false],
      ] as const) {
        from.on('data', (chunk: Buffer) => {
          scripted.send(isClient, Buffer.from(chunk), Date.now());
          this.#note(scripted);
          to.write(chunk);
        });
        from.on('close', () => {
          if (isClient) this.open -= 1;
          to.end();
        });
        from.on('error', () => to.destroy());
      }
    });
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as { port: number }).port;
  }

  /** All packets of all connections, as they passed. */
  get packets(): readonly ScriptedPacket[] {
    return this.#packets;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #note(scripted: ScriptedConnection): void {
    this.#packets.push(...scripted.packets.splice(0));
  }
}

/** Runs a program of every common operation; returns what the driver says it sent, as `command collection` counts. */
async function runProgram(port: number, compressors: string): Promise<Map<string, number>> {
  const sent = new Map<string, number>();
  const uri = `mongodb://127.0.0.1:${port}/?directConnection=true&appName=captured&compressors=${compressors}`;
  const client = new MongoClient(uri, { monitorCommands: true });
  client.on('commandStarted', ({ commandName, command }) => {
    const collection: unknown = commandName === 'getMore' ? command['collection'] : command[commandName];
    const key = `${commandName} ${typeof collection === 'string' ? collection : ''}`;
    sent.set(key, (sent.get(key) ?? 0) + 1);
  });
  const orders = client.db('shop').collection<{ _id: number; text?: string }>('orders');
  const documents = Array.from({ length: 300 }, (_, index) => ({ _id: index, text: 'x'.repeat(300) }));
  await orders.insertMany(documents, { comment: 'Seed.run' });
  for (let id = 0; id < 20; id++) await orders.findOne({ _id: id }, { comment: 'Orders.show' });
  await orders.find({}, { comment: 'Orders.list', batchSize: 50 }).toArray();
  await orders.updateMany({ _id: { $lt: 10 } }, { $set: { text: 'short' } }, { comment: 'Orders.shorten' });
  await orders.aggregate([{ $match: { _id: { $lt: 5 } } }], { comment: 'Orders.sum' }).toArray();
  await orders.deleteOne({ _id: 7 });
  await assert.rejects(orders.insertOne({ _id: 1 }));
  await client.close();
  return sent;
}

for (const compressors of ['none', 'zlib']) {
  test(`a driver's session, compressors ${compressors}: the same counts, whatever became of the packets`, async (t) => {
    const sandbox = await startSandbox();
    const relay = new CapturingRelay(Number(new URL(sandbox.uri).port));
    const port = await relay.listen();
    t.after(async () => {
      await relay.close();
      await sandbox.stop();
    });
    const sent = await runProgram(port, compressors);
    // The driver's last words want no reply, and it does not wait until they are gone.
    await eventually('the driver has left', () => relay.open === 0);
    const random = seededRandom(8);
    const treated = relay.connections.flatMap((connection) => {
      const own = relay.packets.filter((packet) => packet.connection === connection);
      return reorder(repeat(own, random, 0.1), random, 5, OPENING);
    });
    for (const file of [pcapFile(recordsOf(relay.packets)), pcapngFile(recordsOf(treated))]) {
      const { code, out, err } = await weir([await inFolder(t, 'session', file), '--json']);
      assert.deepEqual([code, err], [0, '']);
      const report = JSON.parse(out) as DecodeReport;
      const found = new Map(report.collections.map((row) => [`${row.command} ${row.collection}`, row.operations]));
      for (const [key, count] of sent) assert.equal(found.get(key), count, key);
      assert.deepEqual(report.streamFaults, {});
      const listed = report.callSites.filter(({ callSite }) => callSite === 'Orders.list');
      assert.equal(
        listed.reduce((sum, row) => sum + row.documentsReturned, 0),
        300,
      );
      assert.deepEqual(listed.map(({ command }) => command).sort(), ['find', 'getMore']);
      assert.ok(report.callSites.every(({ app }) => app === 'captured'));
      const insert = report.collections.find(({ command }) => command === 'insert');
      assert.deepEqual([insert?.documentsChanged, insert?.errors, insert?.errorsByCode], [300, 1, { 11000: 1 }]);
    }
  });
}

test('a capture on standard input', async () => {
  const { packets } = mongoScript({ operations: 50 });
  const { code, out, err } = await weir(['-', '--csv'], pcapFile(recordsOf(packets)));
  assert.deepEqual([code, err], [0, '']);
  assert.equal(out.trimEnd().split('\r\n').length, 5);
});

test('nothing on standard input is said', async () => {
  const { code, out, err } = await weir(['-']);
  assert.deepEqual([code, out, err], [1, '', 'weir: -: it holds 0 bytes, too few for a capture\n']);
});

test('a reader that is slower than the command gets all of it', async (t) => {
  const connection = new ScriptedConnection({ clientPort: 40_001 }).open(1000);
  // Far more call sites than fit into a pipe that nobody reads from.
  for (let id = 1; id <= 3000; id++) {
    connection.send(true, encodeMessage({ ping: 1, comment: `Caller.number${id}`, $db: 'admin' }, id, 0), 1000 + id);
    connection.send(false, encodeMessage({ ok: 1 }, 9000 + id, id), 1000.5 + id);
  }
  const file = await inFolder(t, 'many.pcap', pcapFile(recordsOf(connection.packets)));
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', 'decode', file, '--json'], {
    cwd: ROOT,
  });
  child.stderr.resume();
  const closed = once(child, 'close');
  // Until its pipe is full it cannot know that nobody reads; then it has to wait.
  await within('the first bytes are there', once(child.stdout, 'readable'));
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    child.stdout.pause();
    setImmediate(() => child.stdout.resume());
  });
  const [code] = (await within('weir decode ends', closed)) as [number | null];
  assert.equal(code, 0);
  assert.equal((JSON.parse(text) as DecodeReport).callSites.length, 3000);
});
