// What the configuration says about TLS towards the servers: the options of a uri, and the files they name. It opens no
// connection. Invariants: weaker checks only when spelt out; no content of a file is repeated in a sentence.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { SecretText } from '../core/secret.ts';
import type { Secret, UpstreamTls } from '../options.ts';
import { type Complaint, complain, type Parsed, parsed } from './parsed.ts';
import type { UriOptions } from './uri-options.ts';

/** TLS with its files still on disk; null: none. */
export interface TlsFiles {
  readonly caFile: string | null;
  readonly certificateKeyFile: string | null;
  readonly certificateKeyFilePassword: Secret | null;
  readonly allowInvalidHostnames: boolean;
  readonly allowInvalidCertificates: boolean;
}

/** Reads a text file; throws when it cannot. */
export type ReadFile = (path: string) => string;

const NEEDS_TLS = [
  'tlsCAFile',
  'tlsCertificateKeyFile',
  'tlsCertificateKeyFilePassword',
  'tlsAllowInvalidHostnames',
  'tlsAllowInvalidCertificates',
  'tlsInsecure',
] as const;
const MAX_PEM_CHARACTERS = 1024 * 1024;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Undefined: the uri says nothing about TLS; null: it says that there is none. */
export function readTlsOptions(options: UriOptions, isSrv: boolean): Parsed<TlsFiles | null | undefined> {
  const [tls, ssl] = [options.flag('tls'), options.flag('ssl')];
  if (tls !== undefined && ssl !== undefined && tls !== ssl) {
    return complain('tls and ssl contradict each other in the uri');
  }
  const wish = tls ?? ssl ?? (isSrv ? true : undefined);
  if (wish === true) return readWishes(options);
  const needy = NEEDS_TLS.find((name) => options.has(name));
  if (needy !== undefined) return complain(`${needy} needs tls=true in the uri`);
  return parsed(wish === false ? null : undefined);
}

function readWishes(options: UriOptions): Parsed<TlsFiles> {
  const insecure = options.flag('tlsInsecure');
  const hostnames = options.flag('tlsAllowInvalidHostnames');
  const certificates = options.flag('tlsAllowInvalidCertificates');
  if (insecure !== undefined && (hostnames !== undefined || certificates !== undefined)) {
    return complain('tlsInsecure and the tlsAllowInvalid options say the same in the uri: keep one of them');
  }
  const password = options.text('tlsCertificateKeyFilePassword');
  return parsed({
    caFile: options.text('tlsCAFile') ?? null,
    certificateKeyFile: options.text('tlsCertificateKeyFile') ?? null,
    certificateKeyFilePassword: password === undefined ? null : new SecretText(password),
    allowInvalidHostnames: insecure ?? hostnames ?? false,
    allowInvalidCertificates: insecure ?? certificates ?? false,
  });
}

/** Reads and checks the files, each problem by the key of its file. */
export function readTlsFiles(files: TlsFiles, readFile: ReadFile): Parsed<UpstreamTls> {
  const { caFile, certificateKeyFile, certificateKeyFilePassword: password } = files;
  const ca = readPem('the CA file', caFile, readFile);
  if (!ca.ok) return ca;
  const certificateKey = readPem('the certificate key file', certificateKeyFile, readFile);
  if (!certificateKey.ok) return certificateKey;
  const complaint = certificateKey.value === null ? null : judgeKey(certificateKey.value, password);
  if (complaint !== null) return complaint;
  return parsed({
    ca: ca.value,
    certificateKey: certificateKey.value,
    certificateKeyPassword: password,
    allowInvalidHostnames: files.allowInvalidHostnames,
    allowInvalidCertificates: files.allowInvalidCertificates,
  });
}

function readPem(what: string, path: string | null, readFile: ReadFile): Parsed<string | null> {
  if (path === null) return parsed(null);
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    return complain(`${what} cannot be read (${code})`);
  }
  if (text.length > MAX_PEM_CHARACTERS) return complain(`${what} is longer than ${MAX_PEM_CHARACTERS} characters`);
  const certificates = text.match(CERTIFICATE) ?? [];
  if (certificates.length === 0) return complain(`${what} holds no certificate in PEM form`);
  return certificates.every(isCertificate) ? parsed(text) : complain(`${what} holds a certificate that cannot be read`);
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== null;
  } catch {
    return false;
  }
}

function judgeKey(pem: string, password: Secret | null): Complaint | null {
  const what = 'the certificate key file';
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    return complain(`${what} holds no private key: certificate and key belong into one file`);
  }
  const isLocked = /-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/.test(pem);
  if (isLocked && password === null)
    return complain(`the key in ${what} is encrypted, and no password for it is given`);
  try {
    const key = createPrivateKey({ key: pem, ...(password === null ? {} : { passphrase: password.reveal() }) });
    const [certificate = ''] = pem.match(CERTIFICATE) ?? [];
    if (new X509Certificate(certificate).checkPrivateKey(key)) return null;
    return complain(`the key in ${what} does not belong to its first certificate`);
  } catch {
    return complain(isLocked ? `the password does not open the key in ${what}` : `the key in ${what} cannot be read`);
  }
}
