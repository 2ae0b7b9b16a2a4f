// The options behind the question mark of a connection string: which are known, and their values as numbers and switches.
// It gives them no meaning; upstream-uri.ts does. Invariant: an option that would not be obeyed is refused by its name, and
// no value is repeated.

import { type Complaint, complain, type Parsed, parsed, quote, refuse } from './parsed.ts';

/** Options that are obeyed, by their names in lower case. */
const OBEYED: ReadonlySet<string> = new Set([
  'replicaset',
  'directconnection',
  'compressors',
  'connecttimeoutms',
  'authsource',
  'authmechanism',
  'tls',
  'ssl',
  'tlscafile',
  'tlscertificatekeyfile',
  'tlscertificatekeyfilepassword',
  'tlsallowinvalidhostnames',
  'tlsallowinvalidcertificates',
  'tlsinsecure',
  'maxpoolsize',
  'minpoolsize',
  'maxidletimems',
  'maxconnecting',
  'waitqueuetimeoutms',
  'heartbeatfrequencyms',
  'localthresholdms',
  'srvservicename',
  'srvmaxhosts',
]);

/** Those that change nothing for a proxy, or mean what weir does anyway. */
const HARMLESS: ReadonlySet<string> = new Set(['appname', 'retrywrites', 'retryreads', 'serverselectiontimeoutms']);

/** What a number may be, and its name as people write it. */
export interface NumberRule {
  readonly name: string;
  readonly min: number;
  readonly max: number;
}

export class UriOptions {
  readonly #values: ReadonlyMap<string, string>;
  /** The first thing that was wrong with a value; later ones are not reported. */
  #complaint: Complaint | null = null;

  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  get complaint(): Complaint | null {
    return this.#complaint;
  }

  has(name: string): boolean {
    return this.#values.has(name.toLowerCase());
  }

  /** Undefined when absent; an empty one is a complaint. */
  text(name: string): string | undefined {
    const value = this.#values.get(name.toLowerCase());
    if (value === '') this.#complain(`${name} is empty in the uri`);
    return value;
  }

  flag(name: string): boolean | undefined {
    const value = this.#values.get(name.toLowerCase());
    if (value === undefined || value === 'true' || value === 'false')
      return value === undefined ? undefined : value === 'true';
    this.#complain(`expected true or false for ${name} in the uri`);
    return undefined;
  }

  number({ name, min, max }: NumberRule): number | undefined {
    const text = this.#values.get(name.toLowerCase());
    if (text === undefined) return undefined;
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    this.#complain(`expected a whole number from ${min} to ${max} for ${name} in the uri`);
    return undefined;
  }

  #complain(sentence: string): void {
    this.#complaint ??= complain(sentence);
  }
}

/** All options of a uri, each once. */
export function readUriOptions(params: Iterable<readonly [string, string]>): Parsed<UriOptions> {
  const values = new Map<string, string>();
  for (const [name, value] of params) {
    const key = name.toLowerCase();
    if (values.has(key)) return complain(`option ${quote(name)} is given twice in the uri`);
    const complaint = judge(name, value);
    if (complaint !== null) return complaint;
    values.set(key, value);
  }
  return parsed(new UriOptions(values));
}

function judge(name: string, value: string): Complaint | null {
  const key = name.toLowerCase();
  if (OBEYED.has(key) || HARMLESS.has(key)) return null;
  if (key === 'zlibcompressionlevel') {
    return complain(`not built yet: ${quote(name)} in the uri; zlib compresses at its own default level`);
  }
  if (key === 'authmechanismproperties' || /^(?:tls|ssl)/.test(key)) {
    return refuse(`refused: option ${quote(name)} in the uri, which is not built yet; leave it out`);
  }
  if (key === 'loadbalanced') {
    return value === 'false'
      ? null
      : refuse(
          'refused: loadBalanced=true in the uri: weir must know which server answers; name the servers themselves',
        );
  }
  return complain(
    `option ${quote(name)} in the uri would not be obeyed: it belongs into the applications' own connection strings, leave it out here`,
  );
}
