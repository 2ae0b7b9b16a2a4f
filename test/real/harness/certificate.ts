// A self-signed certificate for 127.0.0.1, made anew by openssl for each test; nothing secret is kept in the repository.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const STORE_PASSWORD = 'for-this-test';

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  /** What makes a Java program trust it: its driver takes no CA file from the URI. */
  readonly javaOptions: string;
}

export async function makeCertificate(folder: string): Promise<Certificate> {
  const [certFile, keyFile, store] = [join(folder, 'cert.pem'), join(folder, 'key.pem'), join(folder, 'trust.p12')];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', keyFile];
  await run('openssl', ['req', '-x509', '-days', '2', ...key, '-out', certFile, ...subject]);
  const into = ['-keystore', store, '-storetype', 'PKCS12', '-storepass', STORE_PASSWORD];
  await run('keytool', ['-importcert', '-noprompt', '-alias', 'weir', '-file', certFile, ...into]);
  return {
    certFile,
    keyFile,
    javaOptions: `-Djavax.net.ssl.trustStore=${store} -Djavax.net.ssl.trustStorePassword=${STORE_PASSWORD}`,
  };
}
