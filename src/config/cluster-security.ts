// A cluster's login and TLS from the two places that may tell them: its uri and its keys. It reads no files.
// Invariant: what both say is a complaint, never a silent choice, and no value is repeated.

import type { Credential } from '../options.ts';
import type { ClusterConfig } from './config.ts';
import { complain, type Parsed, parsed } from './parsed.ts';
import { readLogin } from './upstream-login.ts';
import type { TlsFiles } from './upstream-tls.ts';

const BOTH = 'is given by the uri and by this key: keep one of them';

/** null: nobody logs in. */
export function credentialOf({ uri, auth }: ClusterConfig): Parsed<Credential | null> {
  if (auth === undefined) return parsed(uri.credential ?? null);
  if (uri.credential !== undefined) return complain(`the login ${BOTH}`);
  const credential = readLogin(auth);
  return credential.ok && credential.value === null
    ? complain('expected username and password, or a mechanism')
    : credential;
}

/** null: in the clear. */
export function tlsOf({ uri, tls }: ClusterConfig): Parsed<TlsFiles | null> {
  if (tls === undefined) return parsed(uri.tls ?? null);
  if (uri.tls === null) return complain('the uri says tls=false, and this key asks for TLS');
  if (uri.tls !== undefined && !isPlain(uri.tls)) return complain(`TLS ${BOTH}`);
  return parsed({
    caFile: tls.caFile ?? null,
    certificateKeyFile: tls.certificateKeyFile ?? null,
    certificateKeyFilePassword: tls.certificateKeyFilePassword ?? null,
    allowInvalidHostnames: tls.allowInvalidHostnames,
    allowInvalidCertificates: tls.allowInvalidCertificates,
  });
}

/** tls=true and nothing more. */
function isPlain(files: TlsFiles): boolean {
  return (
    files.caFile === null &&
    files.certificateKeyFile === null &&
    !files.allowInvalidHostnames &&
    !files.allowInvalidCertificates
  );
}

/** What is wrong with them together, by the key that shows it. */
export function findSecurityMistakes(
  cluster: ClusterConfig,
): readonly { readonly key: 'uri' | 'auth' | 'tls'; readonly sentence: string }[] {
  const [credential, tls] = [credentialOf(cluster), tlsOf(cluster)];
  const auth = cluster.auth === undefined ? 'uri' : 'auth';
  if (!credential.ok) return [{ key: auth, sentence: credential.sentence }];
  if (!tls.ok) return [{ key: 'tls', sentence: tls.sentence }];
  const isCertificateMissing =
    credential.value?.mechanism === 'MONGODB-X509' && (tls.value?.certificateKeyFile ?? null) === null;
  if (!isCertificateMissing) return [];
  return [{ key: auth, sentence: 'MONGODB-X509 needs TLS and a certificate key file: the certificate is the login' }];
}
