// Records the fixtures of fixtures/conversations: real clients against real servers, redacted by weir's own recorder.
// For maintainers with the tools installed; CI reads the files and records nothing. Invariant: a file is written only
// if its program ended well and nothing in it names this machine; what could not be recorded is said and exits with 1.
//
// usage: npm run record:fixtures [-- NAME…]
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from '../real/harness/child.ts';
import { ROOT } from '../real/harness/places.ts';
import { createUser, freePort, OwnServer } from '../real/harness/server.ts';
import { CLIENTS, PY_SERVER, type RecordedClient } from './clients.ts';
import { leaksOf } from './leaks.ts';
import { Tee } from './tee.ts';

const FOLDER = join(ROOT, 'fixtures', 'conversations');
const DEADLINE_MS = 120_000;
const USER = 'some-user';
const PASSWORD = 'some-secret';

interface RunningServer {
  readonly port: number;
  readonly name: string;
  stop(): Promise<unknown>;
}

async function startServer(client: RecordedClient): Promise<RunningServer> {
  if (client.server === 'secantusd-rs') {
    const server = await OwnServer.start(client.scenario === 'login' ? ['--auth'] : []);
    if (client.scenario === 'login') await createUser(server.uri, USER, PASSWORD);
    return { port: server.port, name: 'secantusd-rs 0.5.3-beta.193', stop: async () => server.stop() };
  }
  const folder = await mkdtemp(join(tmpdir(), 'weir-record-'));
  const port = await freePort();
  const flags = ['--host', '127.0.0.1', '--port', String(port), '--storage-path', join(folder, 'data')];
  const child = new Child(PY_SERVER, [...flags, '--cache-size', '256M'], { name: client.server, cwd: folder });
  await child.waitForLine(/listening/i, DEADLINE_MS);
  const stop = async (): Promise<void> => {
    await child.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return { port, name: 'secantusd-py 0.7.0b3', stop };
}

function uriOf(port: number, client: RecordedClient): string {
  const login = client.scenario === 'login' ? `${USER}:${PASSWORD}@` : '';
  const source = client.scenario === 'login' ? '&authSource=admin&authMechanism=SCRAM-SHA-256' : '';
  return `mongodb://${login}127.0.0.1:${port}/?directConnection=true&appName=fixtures&heartbeatFrequencyMS=500${source}`;
}

/** The recorder's text under the header of a fixture. */
function withHeader(text: string, client: RecordedClient, server: string): string {
  const [first = '', ...rest] = text.split('\n');
  const kept = rest.filter((line) => !line.startsWith('# server:') && !line.startsWith('# ended:'));
  const head = [`# name: ${client.name}`, `# client: ${client.client}`, `# server: ${server}`];
  return [first, ...head, ...kept].join('\n');
}

async function record(client: RecordedClient): Promise<void> {
  const server = await startServer(client);
  const tee = new Tee(server.port);
  try {
    const uri = uriOf(await tee.start(), client);
    const [command, ...args] = await client.command(uri);
    if (command === undefined) throw new Error('no command');
    const child = new Child(command, args, { name: client.name, cwd: ROOT });
    const timer = setTimeout(() => child.signal('SIGKILL'), DEADLINE_MS);
    const end = await child.ended;
    clearTimeout(timer);
    if (end.code !== 0) throw new Error(child.log.slice(-2000));
    const text = withHeader(await tee.stop(), client, server.name);
    const leaks = leaksOf(text, [USER, PASSWORD]);
    if (leaks.length > 0) throw new Error(`names this machine or its user: ${leaks.join(', ')}`);
    writeFileSync(join(FOLDER, `${client.name}.txt`), text);
    console.log(`recorded ${client.name} (${text.length} characters)`);
  } finally {
    await tee.stop();
    await server.stop();
  }
}

async function main(names: readonly string[]): Promise<number> {
  let failed = 0;
  for (const client of CLIENTS.filter(({ name }) => names.length === 0 || names.includes(name))) {
    try {
      await record(client);
    } catch (error) {
      failed++;
      console.error(`not recorded: ${client.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
