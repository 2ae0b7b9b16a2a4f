// Connection strings: what is read, what is refused, and that no secret is repeated.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { parseUpstreamUri, type Upstream } from '../../../src/config/upstream-uri.ts';

describe('parseUpstreamUri', () => {
  it('reads hosts, ports and the set name', () => {
    assert.deepEqual(parseUpstreamUri('mongodb://a,b:1,[::1]:2,a/?replicaSet=rs0&retryWrites=true'), {
      ok: true,
      value: {
        seeds: [
          { host: 'a', port: 27017 },
          { host: 'b', port: 1 },
          { host: '::1', port: 2 },
        ],
        replicaSet: 'rs0',
      },
    });
  });

  it('lets harmless options and a database name pass', () => {
    const options = 'appName=x&retryReads=false&serverSelectionTimeoutMS=1&loadBalanced=false';
    const result = parseUpstreamUri(`mongodb://a/shop?${options}`);
    assert.deepEqual(result, { ok: true, value: { seeds: [{ host: 'a', port: 27017 }], replicaSet: null } });
  });

  it('reads what weir obeys', () => {
    const pool = 'maxPoolSize=20&minPoolSize=2&maxConnecting=3&maxIdleTimeMS=0&waitQueueTimeoutMS=0';
    const rest = 'directConnection=true&heartbeatFrequencyMS=2000&localThresholdMS=0';
    const result = parseUpstreamUri(`mongodb://a/?${pool}&${rest}&tls=false`);
    assert.deepEqual(result, {
      ok: true,
      value: {
        seeds: [{ host: 'a', port: 27017 }],
        replicaSet: null,
        direct: true,
        heartbeatMs: 2000,
        localThresholdMs: 0,
        tls: null,
        pool: {
          maxConnections: 20,
          minConnections: 2,
          maxConnecting: 3,
          maxIdleTime: 0,
          waitQueueTimeout: 86_400_000,
        },
      },
    });
  });

  it('reads mongodb+srv, which means TLS unless it is turned off', () => {
    const result = parseUpstreamUri('mongodb+srv://Cluster.Example.com/?srvServiceName=db&srvMaxHosts=2&authSource=x');
    assert.ok(!result.ok);
    const value = readAll('mongodb+srv://u:p@Cluster.Example.com/?srvServiceName=db&srvMaxHosts=2&authSource=x');
    assert.deepEqual(value.seeds, []);
    const srv = { host: 'cluster.example.com', service: 'db', maxHosts: 2, isAuthSourceGiven: true };
    assert.deepEqual(value.srv, srv);
    assert.ok(value.tls !== null && value.tls !== undefined);
    const plain = readAll('mongodb+srv://cluster.example.com/?tls=false');
    assert.equal(plain.tls, null);
    assert.deepEqual(plain.srv, { ...srv, service: 'mongodb', maxHosts: 0, isAuthSourceGiven: false });
  });

  for (const [text, ms] of [
    ['2500', 2500],
    ['0', 86_400_000],
    ['86400000', 86_400_000],
  ] as const) {
    it(`reads connectTimeoutMS=${text}`, () => {
      const result = parseUpstreamUri(`mongodb://a/?connectTimeoutMS=${text}`);
      assert.equal(result.ok && result.value.connectTimeoutMs, ms);
    });
  }

  it('reads compressors in their order, each once', () => {
    const result = parseUpstreamUri('mongodb://a/?compressors=zlib,snappy,zlib');
    assert.deepEqual(result.ok && result.value.compressors, ['zlib', 'snappy']);
  });

  const refused = [
    'mongodb://weir:hunter2@a/?authMechanism=PLAIN',
    'mongodb://weir:hunter2@a/?authMechanism=MONGODB-AWS',
    'mongodb://weir:hunter2@a/?authMechanismProperties=SERVICE_NAME:hunter2',
    'mongodb://a/?loadBalanced=true',
    'mongodb://a/?tls=true&tlsCRLFile=hunter2',
  ];
  for (const uri of refused) {
    it(`refuses ${uri.replaceAll('hunter2', '***')} without repeating secrets`, () => {
      const result = parseUpstreamUri(uri);
      assert.ok(!result.ok && result.refusal);
      assert.doesNotMatch(result.sentence, /hunter2|weir:/);
    });
  }

  const wrong: readonly (readonly [string, RegExp])[] = [
    ['', /^expected a uri/],
    ['mongodb://', /^expected a uri/],
    ['http://a', /^expected a uri/],
    ['mongodb://a:99999', /host 1 of the uri/],
    ['mongodb://a,b:0', /host 2 of the uri/],
    ['mongodb://a:hunter2', /host 1 of the uri/],
    ['mongodb://a,', /host 2 of the uri/],
    ['mongodb://a b', /host 1 of the uri/],
    ['mongodb://[::1', /host 1 of the uri/],
    ['mongodb://%2Frun%2Fx.sock', /^not built yet: unix sockets/],
    ['mongodb://a/?zlibCompressionLevel=9', /^not built yet: "zlibCompressionLevel"/],
    ['mongodb://a/?compressors=lz4', /^expected some of snappy,zstd,zlib for compressors/],
    ['mongodb://a/?compressors=', /^compressors is empty in the uri/],
    ['mongodb://a/?compressors=zlib,Snappy', /^expected some of snappy,zstd,zlib for compressors/],
    ['mongodb://a/?w=majority', /"w" in the uri would not be obeyed/],
    ['mongodb://a/?connectTimeoutMS=soon', /from 0 to 86400000 for connectTimeoutMS/],
    ['mongodb://a/?connectTimeoutMS=86400001', /from 0 to 86400000 for connectTimeoutMS/],
    ['mongodb://a/?maxPoolSize=0', /from 1 to 10000 for maxPoolSize/],
    ['mongodb://a/?directConnection=yes', /true or false for directConnection/],
    ['mongodb://weir:hunter2/x@a', /percent-encoded/],
    ['mongodb://weir:12345/x@a', /percent-encoded/],
    ['mongodb://weir:hunter2?x@a', /percent-encoded/],
    ['mongodb://weir:hunter2#x@a', /percent-encoded/],
    ['mongodb://weir@x:hunter2@a', /percent-encoded/],
    ['mongodb://weir:%hunter2@a', /^expected a uri/],
    ['mongodb://:hunter2@a', /^expected a uri/],
    ['mongodb://weir@a', /user name is given without a password/],
    ['mongodb://a/?authSource=hunter2', /authSource without a user name/],
    ['mongodb://a/?authMechanism=SCRAM-SHA-1', /SCRAM-SHA-1 needs a user name and a password/],
    ['mongodb://a/?authMechanism=scram', /expected one of SCRAM-SHA-256, SCRAM-SHA-1, MONGODB-X509/],
    ['mongodb://weir:hunter2@a/?authMechanism=MONGODB-X509', /takes no password/],
    ['mongodb://weir@a/?authMechanism=MONGODB-X509&authSource=admin', /are in authSource/],
    ['mongodb://a/?tls=', /true or false for tls/],
    ['mongodb://a/?tls=true&ssl=false', /contradict/],
    ['mongodb://a/?tls=false&tlsInsecure=true', /tlsInsecure needs tls=true/],
    ['mongodb://a/?tlsCAFile=hunter2', /tlsCAFile needs tls=true/],
    ['mongodb://a/?tls=true&tlsCAFile=', /tlsCAFile is empty/],
    ['mongodb://a/?tls=true&tlsInsecure=true&tlsAllowInvalidHostnames=true', /say the same/],
    ['mongodb+srv://a.b.c,d.e.f', /^expected a uri/],
    ['mongodb+srv://a.b.c:27017', /^expected a uri/],
    ['mongodb+srv://a b.c.d', /^expected a name/],
    ['mongodb+srv://a.b.c/?directConnection=true', /exactly one host/],
    ['mongodb+srv://a.b.c/?srvMaxHosts=1&replicaSet=x', /exclude each other/],
    ['mongodb+srv://a.b.c/?srvServiceName=a.b', /no service name/],
    ['mongodb://a/?srvMaxHosts=1', /belong to mongodb\+srv/],
    ['mongodb://a/?replicaSet=', /replicaSet is empty/],
    ['mongodb://a/?replicaSet=x&replicaset=y', /"replicaset" is given twice/],
    ['mongodb://a,b/?directConnection=true', /exactly one host/],
    [`mongodb://${'a,'.repeat(60)}a`, /at most 50 hosts/],
    [`mongodb://${'a'.repeat(9000)}`, /at most 8192 characters/],
  ];
  for (const [uri, expected] of wrong) {
    it(`explains ${uri.slice(0, 50)}`, () => {
      const result = parseUpstreamUri(uri);
      assert.ok(!result.ok && !result.refusal);
      assert.match(result.sentence, expected);
      assert.doesNotMatch(result.sentence, /hunter2/);
    });
  }
});

function readAll(uri: string): Upstream {
  const result = parseUpstreamUri(uri);
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

describe('logins in a uri', () => {
  it('are percent-decoded, and look to the database of the uri unless it names another', () => {
    const { credential } = readAll('mongodb://we%2Cir:p%C3%A4%2Fss%40@a/shop');
    assert.ok(credential !== undefined && credential.mechanism !== 'MONGODB-X509');
    const { password, ...rest } = credential;
    assert.deepEqual(rest, { mechanism: 'negotiated', username: 'we,ir', source: 'shop' });
    assert.equal(password.reveal(), 'pä/ss@');
    const named = readAll('mongodb://u:p@a/shop?authSource=users&authMechanism=SCRAM-SHA-1').credential;
    assert.ok(named !== undefined && named.mechanism === 'SCRAM-SHA-1');
    assert.equal(named.source, 'users');
    const plain = readAll('mongodb://u:p@a').credential;
    assert.ok(plain !== undefined && plain.mechanism === 'negotiated');
    assert.equal(plain.source, 'admin');
  });

  it('by certificate need no name', () => {
    const uri = 'mongodb://a/?authMechanism=MONGODB-X509&authSource=$external&tls=true&tlsCertificateKeyFile=k.pem';
    assert.deepEqual(readAll(uri).credential, { mechanism: 'MONGODB-X509', username: null });
  });

  it('never show in what is printed of them', () => {
    const uri = 'mongodb://u:hunter2@a/?tls=true&tlsCertificateKeyFile=k&tlsCertificateKeyFilePassword=hunter2';
    const value = readAll(uri);
    assert.doesNotMatch(JSON.stringify(value) + inspect(value, { depth: 9 }), /hunter2/);
  });
});

describe('TLS in a uri', () => {
  const strict = {
    caFile: null,
    certificateKeyFile: null,
    certificateKeyFilePassword: null,
    allowInvalidHostnames: false,
    allowInvalidCertificates: false,
  };
  const cases: readonly (readonly [string, object | null | undefined])[] = [
    ['', undefined],
    ['ssl=false', null],
    ['ssl=true', strict],
    ['tls=true&ssl=true', strict],
    ['tls=true&tlsCAFile=%2Fca.pem', { ...strict, caFile: '/ca.pem' }],
    ['tls=true&tlsAllowInvalidHostnames=true', { ...strict, allowInvalidHostnames: true }],
    ['tls=true&tlsInsecure=true', { ...strict, allowInvalidHostnames: true, allowInvalidCertificates: true }],
    ['tls=true&tlsInsecure=false', strict],
  ];
  for (const [options, expected] of cases) {
    it(`reads ${options === '' ? 'nothing' : options}`, () => {
      assert.deepEqual(readAll(`mongodb://a/?${options}`).tls, expected);
    });
  }
});
