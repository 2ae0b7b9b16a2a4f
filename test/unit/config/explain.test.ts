// Every file under fixtures/config and examples/: the valid ones load, each invalid one gives exactly its messages.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type ConfigResult, loadConfig } from '../../../src/config/load.ts';
import { formatProblems } from '../../../src/config/problem.ts';

const FIXTURES = new URL('../../../fixtures/config/', import.meta.url);
const EXAMPLES = new URL('../../../examples/', import.meta.url);
const ENV = { WEIR_CLIENTS: '300' };

/** What each invalid file must say, without its own name in front. */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  'address-twice': ['1:1: admin and listener main have the same address 127.0.0.1:9118'],
  'alias-bomb': ['1:1: aliases multiply this file beyond reason'],
  allow: [
    '3:13: expected killAllSessions, killAllSessionsByPattern or killSessions for "allow[]", found "killAllSession", did you mean killAllSessions?',
  ],
  bind: ['2:24: expected text for "bind", found 27018'],
  'bind-port': ['2:24: expected host:port such as 127.0.0.1:27018 or [::1]:27018, found "127.0.0.1:99999"'],
  'bind-unix': ['2:24: not built yet: unix sockets; bind to host:port'],
  choice: ['1:14: expected debug, info, warn, error or silent for "level", found "warning", did you mean warn?'],
  'cluster-unclear': ['2:5: "cluster" is missing, and there are several: one, two'],
  collection: ['4:25: expected COLLECTION or DATABASE.COLLECTION, found nothing after the dot'],
  'duplicate-key': ['3:1: this key is given twice'],
  'duplicate-name': ['3:12: the name "a" is used twice in limits'],
  duration: ['1:26: expected a duration above 0 such as 5s, 250ms or 10m, found "10"'],
  empty: ['1:1: the file is empty; write {} to take every default'],
  'env-malformed': ['1:15: expected !env NAME or !env NAME:-default'],
  'env-missing': [
    '3:10: environment variable WEIR_TEST_NOT_SET is not set and has no default; set it or write !env WEIR_TEST_NOT_SET:-default',
  ],
  'env-on-list': ['1:9: !env stands before one plain text, such as !env NAME:-default'],
  'file-missing': ['3:10: the file named by !file cannot be read (ENOENT)'],
  'missing-key': ['2:5: "uri" is missing'],
  name: ['2:12: expected a name of up to 64 letters, digits, _ . or -'],
  'never-refused': [
    '2:43: getMore is never refused, so this limit could not bite; limit the command that opens its cursor or transaction',
  ],
  'no-listener': ['1:12: expected at least 1 entry for "listeners", found an empty list'],
  'no-value': ['2:11: expected a list for "listeners", found nothing'],
  'not-a-mapping': ['1:1: expected a mapping, found a list'],
  'not-built': [
    '4:11: not built yet: face replicaSet; use mongos',
    '5:5: not built yet: TLS for clients',
    '6:18: not built yet: logins of clients (auth mode relay); use none',
    '13:5: not built yet: limits of operations at the same time; use rate and burst',
    '14:13: not built yet: action delay; use reject',
    '15:1: not built yet: access rules',
    '16:1: not built yet: fault injection',
    '17:9: not built yet: statistics per query shape',
    '17:30: not built yet: the slow operation log',
    '18:10: not built yet: several processes on one port; use workers: 1',
  ],
  'not-whole': ['4:28: expected a whole number for "maxConnections", found 2.5'],
  'passthrough-compressors': [
    '4:18: compressors is for mode pool; in mode passthrough clients and server agree on their own',
  ],
  'passthrough-face': [
    '4:11: face is for mode pool; in mode passthrough the server shows its own',
    '5:12: allow is for mode pool; in mode passthrough nothing is refused',
    '6:24: slowClientTimeout is for mode pool; in mode passthrough the server waits itself',
  ],
  'passthrough-hosts': [
    '3:11: mode passthrough goes to one host, and cluster main has 2; give each member a cluster and a listener of its own',
  ],
  'passthrough-limits': [
    '4:3: limits never apply in mode passthrough, and no listener has mode pool; leave the limits out',
  ],
  'passthrough-timeout': ['3:18: idleTimeout is for mode passthrough; in mode pool a client stays as long as it likes'],
  per: [
    '4:16: expected app, callSite, db, collection or command for "per[]", found "callsite", did you mean callSite?',
  ],
  rate: ['2:21: expected a rate such as 50/s, 3000/m or 10/h, found "50 per second"'],
  syntax: [
    '3:1: not YAML: Flow map in block collection must be sufficiently indented and end with a }',
    '3:1: not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  tab: ['2:1: not YAML: Tabs are not allowed as indentation'],
  'too-big': ['1:21: expected at most 100000 for "max", found 5000000'],
  'too-small': ['4:28: expected at least 1 for "maxConnections", found 0'],
  'two-documents': ['2:1: the file holds several YAML documents, weir takes one'],
  'unknown-alias': ['4:11: this alias stands for an anchor that the file does not set before it'],
  'unknown-cluster': ['2:27: no cluster is named "order", there is: orders'],
  'unknown-key-case': ['2:34: unknown key "callsite", did you mean "callSite"?'],
  'unknown-key-elsewhere': ['4:5: unknown key "maxConnections" here, it belongs inside "pool"'],
  'unknown-key-far': ['1:30: unknown key "polite", known here: drainTimeout'],
  'unknown-key-near': ['5:7: unknown key "maxConnection", did you mean "maxConnections"?'],
  'unknown-tag': ['3:10: unknown tag !secret, known: !env NAME:-default, !file PATH'],
  'uri-option': [
    '3:10: option "readPreference" in the uri would not be obeyed: it belongs into the applications\' own connection strings, leave it out here',
  ],
  'wrong-type': ['2:3: expected a list for "listeners", found a mapping'],
  auth: [
    '5:11: a user name is given without a password',
    '8:11: the login is given by the uri and by this key: keep one of them',
    '11:11: MONGODB-X509 needs TLS and a certificate key file: the certificate is the login',
    '12:5: minConnections (minPoolSize) is 60, above maxConnections (maxPoolSize), which is 50',
  ],
  'passthrough-login': [
    '2:24: mode passthrough passes the logins and TLS of clients by itself; leave them out, or give this listener a cluster of its own',
  ],
  'pool-twice': ['4:28: maxConnections is given by an option of the uri as well: keep one of them'],
  'tls-files': ['4:10: the CA file cannot be read (ENOENT)', '7:10: the CA file holds no certificate in PEM form'],
  uri: [
    '3:10: expected a uri such as mongodb://host:27017, mongodb://user:password@a,b,c/?replicaSet=rs0 or mongodb+srv://name.example.com',
  ],
  'uri-credentials': [
    '3:10: write @ / : ? # in user name, password and options of the uri percent-encoded',
    '6:38: expected text for "password", found a value that is not shown',
    '6:59: expected SCRAM-SHA-256, SCRAM-SHA-1 or MONGODB-X509 for "mechanism", found a value that is not shown',
    '9:11: expected a mapping for "auth", found a value that is not shown',
  ],
  'uri-srv': ['2:24: mode passthrough goes to one host: name it in a mongodb:// uri'],
  'uri-tls': ['3:10: tlsCAFile needs tls=true in the uri'],
};

function load(folder: URL, file: string): ConfigResult {
  return loadConfig({
    text: readFileSync(new URL(file, folder), 'utf8'),
    env: ENV,
    readFile: (path) => readFileSync(new URL(path, folder), 'utf8'),
  });
}

function yamlFiles(folder: URL): readonly string[] {
  return readdirSync(folder).filter((file) => file.endsWith('.yaml'));
}

describe('config fixtures', () => {
  const invalid = new URL('invalid/', FIXTURES);

  it('have an expectation each, and an expectation has a file', () => {
    assert.deepEqual(
      yamlFiles(invalid).toSorted(),
      Object.keys(EXPECTED)
        .map((name) => `${name}.yaml`)
        .toSorted(),
    );
  });

  for (const [name, expected] of Object.entries(EXPECTED)) {
    it(`invalid/${name} says what is wrong and where`, () => {
      const result = load(invalid, `${name}.yaml`);
      assert.ok(!result.ok);
      assert.deepEqual(
        formatProblems(name, result.problems),
        expected.map((line) => `${name}:${line}`),
      );
      assert.deepEqual(
        result.problems.map((problem) => problem.refusal),
        expected.map((line) => line.includes(': refused: ')),
      );
    });
  }

  for (const folder of [new URL('valid/', FIXTURES), EXAMPLES]) {
    for (const file of yamlFiles(folder)) {
      it(`${folder.pathname.split('/').at(-2)}/${file} loads`, () => {
        const result = load(folder, file);
        assert.deepEqual(result.ok ? [] : formatProblems(file, result.problems), []);
      });
    }
  }
});
