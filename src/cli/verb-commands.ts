// The verbs that ask something of a running weir, as commands: their words and flags. Their work is in ask.ts.

import { Argument, type Command, Option } from 'commander';
import type { VerbFlags } from './ask.ts';
import type { Io } from './io.ts';

interface Flags {
  readonly admin: string;
  readonly json?: boolean;
  readonly cluster?: string;
  readonly timeout?: string;
}

const ON_CLUSTERS: Readonly<Record<'pause' | 'resume' | 'reconnect', string>> = {
  pause: 'hold operations of a running weir within their deadlines; hello and ping are still answered',
  resume: 'let held operations go on',
  reconnect: 'renew the connections to the servers: idle ones now, busy ones after their operation',
};

export function addVerbs(program: Command, io: Io, done: (exitCode: number) => void): void {
  const run = async (verb: VerbFlags['verb'], words: Partial<VerbFlags>, flags: Flags): Promise<void> => {
    const { ask } = await import('./ask.ts');
    done(await ask({ verb, ...words, admin: flags.admin, json: flags.json === true }, io));
  };
  for (const verb of ['pause', 'resume', 'reconnect'] as const) {
    command(program, verb, ON_CLUSTERS[verb])
      .option('--cluster <name>', 'only this one (default: all)')
      .action(async (flags: Flags) => run(verb, flags.cluster === undefined ? {} : { cluster: flags.cluster }, flags));
  }
  command(program, 'drain', 'end a running weir: accept nobody, let operations end, close idle clients')
    .option('--timeout <duration>', 'close the rest after so long, such as 30s (default: shutdown.drainTimeout)')
    .action(async (flags: Flags) => run('drain', flags.timeout === undefined ? {} : { timeout: flags.timeout }, flags));
  command(program, 'kill', 'end one client connection or one operation of a running weir')
    .addArgument(new Argument('<what>', 'what it is').choices(['client', 'operation']))
    .argument('<id>', 'its id in weir show clients or weir show operations')
    .action(async (what: 'client' | 'operation', id: string, flags: Flags) => run('kill', { [what]: id }, flags));
}

function command(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .addOption(new Option('--admin <address>', 'host:port of its API').default('127.0.0.1:9118'))
    .option('--json', 'print the JSON of the API');
}
