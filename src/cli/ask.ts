// `weir pause|resume|reconnect|drain|kill`: asks a running weir to do something and says in one line what it did.
// Invariant: it prints what the proxy answered, never what was hoped for; a refusal is the proxy's own sentence.

import { formatHostPort, parseBind, parseDurationOrZero } from '../config/quantities.ts';
import type { ClusterState, DrainState, KilledClient, KilledOperation } from '../core/verbs.ts';
import type { HostPort } from '../options.ts';
import { cleanLabel } from '../stats/label.ts';
import { CliFailure, EXIT } from './failure.ts';
import type { Io } from './io.ts';

export interface VerbFlags {
  readonly verb: 'pause' | 'resume' | 'reconnect' | 'drain' | 'kill';
  /** host:port, as typed. */
  readonly admin: string;
  readonly json: boolean;
  readonly cluster?: string;
  /** As typed. */
  readonly timeout?: string;
  readonly client?: string;
  readonly operation?: string;
}

const PATIENCE_MS = 5000;

/** Throws CliFailure with 1: wrong words, nobody there, or the proxy refuses. */
export async function ask(flags: VerbFlags, io: Io): Promise<number> {
  const address = parseBind(flags.admin);
  if (!address.ok) throw new CliFailure(EXIT.badInput, `weir: --admin: ${address.sentence}`);
  const result = await post(address.value, flags.verb, bodyOf(flags));
  io.out(flags.json ? JSON.stringify(result, null, 2) : sentenceOf(flags, result));
  return EXIT.ok;
}

function bodyOf(flags: VerbFlags): Readonly<Record<string, unknown>> {
  const { cluster, timeout, client, operation } = flags;
  if (client !== undefined) {
    if (!/^[1-9]\d{0,14}$/.test(client)) throw wrong(`a client has an id such as 7, found '${client}'`);
    return { client: Number(client) };
  }
  if (operation !== undefined) return { operation };
  if (timeout !== undefined) {
    const duration = parseDurationOrZero(timeout);
    if (!duration.ok) throw wrong(`--timeout: ${duration.sentence}`);
    return { timeoutMs: duration.value };
  }
  return cluster === undefined ? {} : { cluster };
}

function wrong(sentence: string): CliFailure {
  return new CliFailure(EXIT.badInput, `weir: ${sentence}`);
}

async function post(address: HostPort, verb: string, body: Readonly<Record<string, unknown>>): Promise<unknown> {
  const where = formatHostPort(address);
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(`http://${where}/api/v1/${verb}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-weir': '1' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
      redirect: 'error',
    });
    answer = await response.json().catch(() => null);
  } catch {
    throw wrong(`no weir answers at ${where}; start one, or give its admin address with --admin`);
  }
  const { result, error } = Object(answer) as { readonly result?: unknown; readonly error?: unknown };
  if (response.ok && result !== undefined) return result;
  if (!response.ok && typeof error === 'string') throw wrong(cleanLabel(error, 500));
  throw wrong(
    `what answers at ${where} (HTTP ${response.status}) is not this weir's API; give another address with --admin`,
  );
}

/** The proxy's answer in words. */
function sentenceOf({ verb, client, operation }: VerbFlags, result: unknown): string {
  if (client !== undefined) return clientSentence(result as KilledClient);
  if (operation !== undefined) return operationSentence(result as KilledOperation);
  if (verb === 'drain') return drainSentence(result as DrainState);
  return (result as readonly ClusterState[]).map((state) => clusterSentence(verb, state)).join('\n');
}

function clusterSentence(verb: VerbFlags['verb'], state: ClusterState): string {
  const name = cleanLabel(state.cluster);
  if (verb === 'pause')
    return `${name}: paused, ${count(state.waiters, 'operation')} held; weir resume lets them go on`;
  if (verb === 'resume') return `${name}: goes on`;
  return `${name}: its connections are renewed, ${count(state.connections, 'connection')} now`;
}

function drainSentence({ clients, leftMs }: DrainState): string {
  return `draining: ${count(clients, 'client connection')}, closed in ${Math.ceil(leftMs / 1000)} s at the latest; then weir ends`;
}

function clientSentence({ client, address, app }: KilledClient): string {
  return `client ${client} (${cleanLabel(app)}, ${cleanLabel(address)}) is closed`;
}

function operationSentence({ operation, command, namespace, how }: KilledOperation): string {
  const what = `operation ${cleanLabel(operation)} (${cleanLabel(command)} ${cleanLabel(namespace)})`;
  return how === 'left_queue'
    ? `${what} left the queue and was never sent; its client got error 11601`
    : `${what}: its client got error 11601, and what the server still answers is dropped`;
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`;
}
