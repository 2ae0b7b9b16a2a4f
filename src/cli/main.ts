#!/usr/bin/env node
// Where the process of `weir` begins and ends. No verb lives here.

import { processIo } from './io.ts';
import { run } from './program.ts';

// `weir show … | head` closes the pipe early; that is not an error of anybody.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

const code = await run(process.argv.slice(2), processIo());

/** A pipe takes later what its reader has not read yet; leaving before would cut it off. */
async function written(stream: NodeJS.WriteStream): Promise<void> {
  await new Promise<void>((done) => {
    stream.write('', () => done());
  });
}
await written(process.stdout);
await written(process.stderr);

// Verbs return when their work is over; whatever is still open then must not hold the process.
process.exit(code);
