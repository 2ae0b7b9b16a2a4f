// Connection strings: what is read, what is refused, and that no secret is repeated.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseUpstreamUri } from '../../../src/config/upstream-uri.ts';

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
    const options =
      'directConnection=true&appName=x&retryReads=false&serverSelectionTimeoutMS=1&tls=false&ssl=false&loadBalanced=false';
    const result = parseUpstreamUri(`mongodb://a/shop?${options}`);
    assert.deepEqual(result, { ok: true, value: { seeds: [{ host: 'a', port: 27017 }], replicaSet: null } });
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
    'mongodb://weir:hunter2@a',
    'mongodb://weir:hunter2/x@a',
    'mongodb://weir:hunter2?x@a',
    'mongodb://:hunter2@a',
    'mongodb+srv://weir:hunter2@a.example.com',
    'MONGODB+SRV://a.example.com',
    'mongodb://a/?tls=true',
    'mongodb://a/?SSL=true',
    'mongodb://a/?tls=',
    'mongodb://a/?tlsCAFile=hunter2',
    'mongodb://a/?authSource=hunter2',
    'mongodb://a/?authMechanism=MONGODB-X509',
  ];
  for (const uri of refused) {
    it(`refuses ${uri.replace('hunter2', '***')} without repeating secrets`, () => {
      const result = parseUpstreamUri(uri);
      assert.ok(!result.ok && result.refusal);
      assert.match(result.sentence, /come with upstream logins and TLS, which are not built yet/);
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
    ['mongodb://a/?compressors=', /^expected some of snappy,zstd,zlib for compressors/],
    ['mongodb://a/?compressors=zlib,Snappy', /^expected some of snappy,zstd,zlib for compressors/],
    ['mongodb://a/?loadBalanced=true', /^not built yet: loadBalanced/],
    ['mongodb://a/?w=majority', /"w" in the uri would not be obeyed/],
    ['mongodb://a/?connectTimeoutMS=soon', /milliseconds for connectTimeoutMS/],
    ['mongodb://a/?connectTimeoutMS=86400001', /milliseconds for connectTimeoutMS/],
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
