// The command line: which verbs and flags there are. Every verb's work is in a file of its own, loaded when it runs.
// Invariant: run() never throws and prints exactly one place of an error, on standard error.

import { Argument, Command, CommanderError, Option } from 'commander';
import { readVersion } from '../core/machine.ts';
import type { DecodeFlags } from './decode-options.ts';
import { CliFailure, EXIT } from './failure.ts';
import type { Io } from './io.ts';
import type { RecordFlags } from './record.ts';
import { SHOW_KINDS, type ShowKind } from './show-tables.ts';
import { addVerbs } from './verb-commands.ts';

/** Verbs of the blueprint, and what they will do. */
const NOT_BUILT_VERBS: Readonly<Record<string, string>> = {
  top: 'the live view; use weir show',
  diff: 'comparing two windows or captures',
  reload: 'changing the config of a running weir; restart it',
  user: 'logins of clients',
};

/** Runs one command line (without node and script) and returns the exit code. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  // Commander would print its whole help as an error.
  if (args.length === 0) {
    io.err('weir: say what to do, such as weir start; weir --help lists the verbs');
    return EXIT.badInput;
  }
  let exitCode: number = EXIT.ok;
  const program = buildProgram(io, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has already written its own complaints and the help texts that were asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.badInput;
    if (error instanceof CliFailure) {
      io.err(error.message);
      return error.exitCode;
    }
    io.err(`weir: ${error instanceof Error ? error.message : String(error)}`);
    return EXIT.cannotStart;
  }
}

function buildProgram(io: Io, done: (exitCode: number) => void): Command {
  const program = new Command('weir')
    .description('A MongoDB proxy: many application connections in, a few out, every operation attributed and counted.')
    .version(readVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(text.trimEnd()),
      writeErr: (text) => io.err(text.trimEnd()),
      outputError: (text, write) =>
        write(
          `weir: ${text
            .replace(/^error: /, '')
            .trim()
            .replace(/\s*\n\s*/g, ' ')}`,
        ),
    });
  addStart(program, io, done);
  addSandbox(program, io, done);
  addDemo(program, done);
  addCheck(program, io, done);
  addShow(program, io, done);
  addVerbs(program, io, done);
  addRecord(program, io, done);
  addDecode(program, io, done);
  addNotBuilt(program);
  return program;
}

function addStart(program: Command, io: Io, done: (exitCode: number) => void): void {
  program
    .command('start')
    .description('run the proxy; flags override the first listener and cluster of the config file')
    .option('--config <file>', 'config file (YAML)')
    .option('--listen <address>', 'host:port for applications (default 127.0.0.1:27018)')
    .option('--upstream <uri>', 'the servers (default mongodb://127.0.0.1:27017)')
    .option('--max-upstream <n>', 'most connections to the server (default 50)')
    .option('--admin <address>', 'host:port of metrics and API, or off (default 127.0.0.1:9118)')
    .option('--mode <mode>', 'pool or passthrough (default pool)')
    .option('--log-level <level>', 'debug, info, warn, error or silent (default info)')
    .option('--require-upstream', 'exit with 2 when no server answers at the start')
    .action(async (flags: Readonly<Record<string, string | boolean | undefined>>) => {
      const { runStart } = await import('./start.ts');
      done(await runStart(flags, io));
    });
}

function addSandbox(program: Command, io: Io, done: (exitCode: number) => void): void {
  program
    .command('sandbox')
    .description('run the embedded test server alone (not a database: data in memory)')
    .option('--listen <address>', 'host:port', '127.0.0.1:27017')
    .option('--latency <ms>', 'milliseconds before every command but hello and ping', '0')
    .action(async (flags: { readonly listen: string; readonly latency: string }) => {
      const { runSandbox } = await import('./sandbox.ts');
      done(await runSandbox(flags, io));
    });
}

function addDemo(program: Command, done: (exitCode: number) => void): void {
  program
    .command('demo')
    .description('sandbox, proxy and three sample applications on one screen')
    .option('--seconds <n>', 'end by itself after so many seconds')
    .option('--upstream <uri>', 'a real server instead of the sandbox')
    .action(async (flags: { readonly seconds?: string; readonly upstream?: string }) => {
      const { readDemoFlags } = await import('./demo-flags.ts');
      const options = readDemoFlags(flags);
      const { runDemo } = await import('./demo.ts');
      done(await runDemo(options));
    });
}

function addCheck(program: Command, io: Io, done: (exitCode: number) => void): void {
  program
    .command('check')
    .description('say what is wrong with a config file, with line and column')
    .argument('<file>', 'config file (YAML)')
    .action(async (file: string) => {
      const { runCheck } = await import('./check.ts');
      done(runCheck(file, io));
    });
}

function addShow(program: Command, io: Io, done: (exitCode: number) => void): void {
  program
    .command('show')
    .description('print a table of a running weir')
    .addArgument(new Argument('<what>', 'the table').choices(SHOW_KINDS))
    .addOption(new Option('--admin <address>', 'host:port of its API').default('127.0.0.1:9118'))
    .option('--json', 'print the JSON of the API')
    .action(async (what: ShowKind, flags: { readonly admin: string; readonly json?: boolean }) => {
      const { runShow } = await import('./show.ts');
      done(await runShow({ what, admin: flags.admin, json: flags.json === true }, io));
    });
}

function addRecord(program: Command, io: Io, done: (exitCode: number) => void): void {
  program
    .command('record')
    .description('record the conversations of a running weir, values replaced, for weir decode')
    .addOption(new Option('--admin <address>', 'host:port of its API').default('127.0.0.1:9118'))
    .option('--seconds <n>', 'for so long, at most 600', '10')
    .option('--connections <n>', 'so many at the same time, at most 100', '20')
    .option('--client <host>', 'only connections from this address')
    .option('--raw', 'keep the values (logins are taken out all the same); admin address on loopback only')
    .option('--out <file>', 'a new file (default: standard output)')
    .action(async (flags: RecordFlags) => {
      const { runRecord } = await import('./record.ts');
      done(await runRecord(flags, io));
    });
}

function addDecode(program: Command, io: Io, done: (exitCode: number) => void): void {
  program
    .command('decode')
    .description('the tables of the proxy from captures (pcap, pcapng) and recordings of weir record')
    .argument('<file...>', 'captures and recordings, read in this order as one; - is standard input')
    .option('--json', 'print everything as JSON')
    .option('--csv', 'print the call sites as CSV')
    .option('--follow <n>', 'print conversation n message by message')
    .option('--slow <ms>', 'list operations that took the server longer')
    .option('--collection <name>', 'only operations on db.collection; * stands for any text')
    .option('--call-site <name>', 'only operations of this call site; * stands for any text')
    .option('--client <address>', 'only conversations of this host or host:port')
    .action(async (files: readonly string[], flags: DecodeFlags) => {
      const { readDecodeFlags } = await import('./decode-options.ts');
      const options = readDecodeFlags(flags);
      const { runDecode } = await import('./decode.ts');
      done(await runDecode(files, options, io));
    });
}

function addNotBuilt(program: Command): void {
  for (const [verb, what] of Object.entries(NOT_BUILT_VERBS)) {
    program
      .command(verb, { hidden: true })
      .helpOption(false)
      .allowUnknownOption()
      .allowExcessArguments()
      .action(() => {
        throw new CliFailure(EXIT.badInput, `weir: not built yet: ${verb} (${what})`);
      });
  }
}
