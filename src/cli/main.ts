#!/usr/bin/env node
// Where the process of `weir` begins and ends. No verb lives here.

import { processIo } from './io.ts';
import { run } from './program.ts';

// `weir show … | head` closes the pipe early; that is not an error of anybody.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

// Verbs return when their work is over; whatever is still open then must not hold the process.
process.exit(await run(process.argv.slice(2), processIo()));
