// Memory per idle client: many connections that said hello as drivers do, against none, and against bare Node sockets.
// It asserts nothing.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { encodeMessage } from '../codecs/index.ts';
import { residentKib, startCli } from './weir-process.ts';

const SETTLE_MS = 1500;

async function openClients(port: number, greeting: Buffer, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let i = 0; i < count; i++) {
    const socket = connect({ port, host: '127.0.0.1' });
    await once(socket, 'connect');
    socket.write(greeting);
    await once(socket, 'data');
    sockets.push(socket);
  }
  return sockets;
}

/** What Node itself needs for a socket with a data handler that answers once. */
async function bareNodeKib(count: number): Promise<number> {
  const program =
    "const s=require('net').createServer({noDelay:true},(c)=>c.on('data',(d)=>c.write(d)).on('error',()=>{}));" +
    "s.listen(0,'127.0.0.1',()=>console.log('listening on mongodb://127.0.0.1:'+s.address().port))";
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [first] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(/:(\d+)\s*$/.exec(first.toString())?.[1]);
  const before = residentKib(child);
  const sockets = await openClients(port, Buffer.from('hello'), count);
  await new Promise((done) => setTimeout(done, SETTLE_MS));
  const perClient = (residentKib(child) - before) / count;
  for (const socket of sockets) socket.destroy();
  child.kill();
  return perClient;
}

/** @param clients how many are idle. */
export async function benchIdle(clients: number): Promise<void> {
  const sandbox = await startCli(['sandbox', '--listen', '127.0.0.1:0']);
  const upstream = `mongodb://127.0.0.1:${sandbox.port}`;
  const weir = await startCli(['start', '--listen', '127.0.0.1:0', '--admin', 'off', '--upstream', upstream]);
  const client = { application: { name: 'idle' }, driver: { name: 'bench', version: '1' }, os: { type: 'Linux' } };
  const hello = encodeMessage({ hello: 1, client, $db: 'admin' }, 1, 0);
  const warm = await openClients(weir.port, hello, 20);
  await new Promise((done) => setTimeout(done, SETTLE_MS));
  const before = residentKib(weir.child);
  const sockets = await openClients(weir.port, hello, clients);
  await new Promise((done) => setTimeout(done, SETTLE_MS));
  const perClient = (residentKib(weir.child) - before) / clients;
  for (const socket of [...warm, ...sockets]) socket.destroy();
  await weir.stop();
  await sandbox.stop();
  const bare = await bareNodeKib(clients);
  console.log(
    `idle clients: ${clients} cost ${perClient.toFixed(1)} KiB each in weir, ${bare.toFixed(1)} KiB each in a bare Node server` +
      ` (weir without clients: ${(before / 1024).toFixed(0)} MiB)`,
  );
}
