// The peer of pass-through mode: two sockets piped into each other, nothing read. node bench/bare-pipe.mjs LISTEN UPSTREAM
// It survives nothing on purpose; it shows what Node's own sockets cost.

import { connect, createServer } from 'node:net';

const [listen, upstream] = process.argv.slice(2).map(Number);
const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
  const server = connect({ port: upstream, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  client.on('error', () => server.destroy());
  server.on('error', () => client.destroy());
  client.pipe(server);
  server.pipe(client);
});
server.listen({ port: listen, host: '127.0.0.1', backlog: 4096 }, () => {
  console.log(`listening on mongodb://127.0.0.1:${server.address().port}`);
});
