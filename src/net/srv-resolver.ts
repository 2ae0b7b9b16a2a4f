// `mongodb+srv`: looks up the seeds of a deployment and the few options that its TXT record may set. It keeps nothing, repeats
// nothing and connects to no server. Invariant: whatever DNS answers, seeds lie under the domain that was asked for, and no
// option but the three allowed ones is taken.

import { resolveSrv, resolveTxt } from 'node:dns/promises';
import type { Random } from '../core/clock.ts';
import type { HostPort, SrvOptions } from '../options.ts';

/** The part of node:dns/promises that is used. */
export interface DnsClient {
  resolveSrv(name: string): Promise<readonly { readonly name: string; readonly port: number }[]>;
  /** Each record as the strings that it consists of. */
  resolveTxt(name: string): Promise<readonly (readonly string[])[]>;
}

export interface SrvAnswer {
  /** At least one. */
  readonly seeds: readonly HostPort[];
  /** Null: the TXT record does not say. */
  readonly authSource: string | null;
  readonly replicaSet: string | null;
}

export interface SrvResolver {
  /** Rejects with one sentence of its own, or the resolver's error. */
  resolve(srv: SrvOptions): Promise<SrvAnswer>;
}

const MAX_SEEDS = 128;
const MAX_TXT_LENGTH = 1024;
/** A name of so few parts has no domain above it that its servers could share; they must lie below it. */
const SHORT_NAME_PARTS = 3;
/** What a resolver says when a name has no TXT record. */
const NO_RECORD: ReadonlySet<string> = new Set(['ENODATA', 'ENOTFOUND']);

const systemDns: DnsClient = { resolveSrv, resolveTxt };

export class DnsSrvResolver implements SrvResolver {
  readonly #random: Random;
  readonly #dns: DnsClient;

  constructor(random: Random, dns: DnsClient = systemDns) {
    this.#random = random;
    this.#dns = dns;
  }

  async resolve({ host, service, maxHosts }: SrvOptions): Promise<SrvAnswer> {
    const [records, txt] = await Promise.all([
      this.#dns.resolveSrv(`_${service}._tcp.${host}`),
      this.#resolveTxt(host),
    ]);
    const { authSource, replicaSet } = readTxtOptions(txt);
    if (replicaSet !== null && maxHosts > 0) {
      throw new Error(`the TXT record of ${host} names a replica set, which srvMaxHosts does not go with`);
    }
    return { seeds: this.#choose(readSeeds(host, records), maxHosts), authSource, replicaSet };
  }

  async #resolveTxt(host: string): Promise<readonly (readonly string[])[]> {
    try {
      return await this.#dns.resolveTxt(host);
    } catch (error) {
      if (NO_RECORD.has((error as NodeJS.ErrnoException).code ?? '')) return [];
      throw error;
    }
  }

  /** So many of them, chosen by chance; 0: all. */
  #choose(seeds: readonly HostPort[], maxHosts: number): readonly HostPort[] {
    const count = maxHosts > 0 ? Math.min(maxHosts, MAX_SEEDS) : MAX_SEEDS;
    if (seeds.length <= count) return seeds;
    const rest = [...seeds];
    return Array.from({ length: count }, () => {
      const [seed] = rest.splice(Math.floor(this.#random() * rest.length), 1);
      return seed as HostPort;
    });
  }
}

function readSeeds(
  host: string,
  records: readonly { readonly name: string; readonly port: number }[],
): readonly HostPort[] {
  if (records.length === 0) throw new Error(`there are no SRV records for ${host}`);
  const domain = parentDomain(host);
  return records.map(({ name, port }) => {
    const seed = name.toLowerCase().replace(/\.$/, '');
    const isShortName = host.split('.').length < SHORT_NAME_PARTS;
    const isBelow = seed.endsWith(`.${domain}`) && !(isShortName && seed === host.toLowerCase());
    if (!isBelow) throw new Error(`an SRV record of ${host} names a server outside ${domain}`);
    return { host: seed, port };
  });
}

/** The domain that servers must share: the name without its first part, or the whole of a short name. */
function parentDomain(host: string): string {
  const parts = host.toLowerCase().replace(/\.$/, '').split('.');
  return (parts.length < SHORT_NAME_PARTS ? parts : parts.slice(1)).join('.');
}

function readTxtOptions(records: readonly (readonly string[])[]): Omit<SrvAnswer, 'seeds'> {
  if (records.length > 1) throw new Error('there are several TXT records, where one may be');
  const text = (records[0] ?? []).join('');
  if (text.length > MAX_TXT_LENGTH) throw new Error('the TXT record is too long');
  const options = new URLSearchParams(text);
  for (const key of options.keys()) {
    if (key !== 'authSource' && key !== 'replicaSet' && key !== 'loadBalanced') {
      throw new Error('the TXT record sets other options than authSource, replicaSet and loadBalanced');
    }
  }
  if (options.get('loadBalanced') === 'true') {
    throw new Error('the TXT record says loadBalanced=true, and weir does not go through another load balancer');
  }
  const [authSource, replicaSet] = [options.get('authSource'), options.get('replicaSet')];
  if (authSource === '' || replicaSet === '') throw new Error('the TXT record has an empty option');
  return { authSource, replicaSet };
}
