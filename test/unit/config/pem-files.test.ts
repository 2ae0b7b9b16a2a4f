// Files of TLS as a config names them: read where it is loaded, judged before anything starts, never repeated.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadConfig } from '../../../src/config/load.ts';
import { formatProblems } from '../../../src/config/problem.ts';
import { toOptions } from '../../../src/config/to-options.ts';
import { PASSPHRASE, readPem, readTlsFixture } from '../../support/tls-fixtures.ts';

const [one, two] = [readPem('good'), readPem('other')];
const files: ReadonlyMap<string, string> = new Map([
  ['ca.pem', one.cert + two.cert],
  ['both.pem', one.cert + one.key],
  ['locked.pem', one.cert + readTlsFixture('good-locked.key')],
  ['mixed.pem', one.cert + two.key],
  ['key.pem', one.key],
  ['broken.pem', '-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----\n'],
  ['password', `${PASSPHRASE}\n`],
]);

function load(cluster: string): ReturnType<typeof loadConfig> {
  return loadConfig({
    text: `clusters:\n  - {name: a, ${cluster}}`,
    env: { KEY_PASSWORD: PASSPHRASE },
    readFile: (path) => {
      const text = files.get(path);
      if (text === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' });
      return text;
    },
  });
}

describe('TLS files', () => {
  const right = [
    'uri: mongodb://h, tls: {}',
    'uri: "mongodb://h/?tls=true&tlsCAFile=ca.pem"',
    'uri: "mongodb://h/?tls=true", tls: {caFile: ca.pem, certificateKeyFile: both.pem}',
    'uri: mongodb://h, tls: {certificateKeyFile: locked.pem, certificateKeyFilePassword: !env KEY_PASSWORD}',
    'uri: mongodb://h, tls: {certificateKeyFile: locked.pem, certificateKeyFilePassword: !file password}',
  ];
  for (const cluster of right) {
    it(`are read: ${cluster}`, () => {
      const result = load(cluster);
      assert.ok(result.ok, result.ok ? '' : formatProblems('f', result.problems).join());
      const { tls } = toOptions(result.config).clusters[0] ?? {};
      assert.ok(tls !== undefined && tls !== null);
      assert.equal(tls.ca, cluster.includes('ca.pem') ? files.get('ca.pem') : null);
      assert.equal(tls.certificateKeyPassword?.reveal() ?? PASSPHRASE, PASSPHRASE);
      assert.doesNotMatch(JSON.stringify(result), /hunter2/);
    });
  }

  const wrong: readonly (readonly [string, string])[] = [
    ['uri: "mongodb://h/?tls=true&tlsCAFile=none.pem"', '2:20: the CA file cannot be read (ENOENT)'],
    ['uri: mongodb://h, tls: {caFile: none.pem}', '2:38: the CA file cannot be read (ENOENT)'],
    ['uri: mongodb://h, tls: {caFile: key.pem}', '2:38: the CA file holds no certificate in PEM form'],
    ['uri: mongodb://h, tls: {caFile: broken.pem}', '2:38: the CA file holds a certificate that cannot be read'],
    [
      'uri: mongodb://h, tls: {certificateKeyFile: ca.pem}',
      '2:38: the certificate key file holds no private key: certificate and key belong into one file',
    ],
    [
      'uri: mongodb://h, tls: {certificateKeyFile: mixed.pem}',
      '2:38: the key in the certificate key file does not belong to its first certificate',
    ],
    [
      'uri: mongodb://h, tls: {certificateKeyFile: locked.pem}',
      '2:38: the key in the certificate key file is encrypted, and no password for it is given',
    ],
    [
      'uri: mongodb://h, tls: {certificateKeyFile: locked.pem, certificateKeyFilePassword: wrong}',
      '2:38: the password does not open the key in the certificate key file',
    ],
    [
      'uri: "mongodb://h/?tls=true&tlsInsecure=true", tls: {}',
      '2:67: TLS is given by the uri and by this key: keep one of them',
    ],
    ['uri: "mongodb://h/?tls=false", tls: {}', '2:51: the uri says tls=false, and this key asks for TLS'],
  ];
  for (const [cluster, problem] of wrong) {
    it(`are refused: ${cluster}`, () => {
      const result = load(cluster);
      assert.ok(!result.ok);
      assert.deepEqual(formatProblems('f', result.problems), [`f:${problem}`]);
    });
  }
});
