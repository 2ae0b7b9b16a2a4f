// The closed list of sentences for what goes wrong with TLS, by the codes of Node and OpenSSL.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explainTlsError, explainTlsFailure } from '../../../src/net/tls-failure.ts';

const errorOf = (code: string): Error => Object.assign(new Error('text of the peer'), { code });

const cases: readonly (readonly [string, boolean, RegExp])[] = [
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', false, /tlsCAFile/],
  ['CERT_HAS_EXPIRED', false, /has expired/],
  ['CERT_NOT_YET_VALID', false, /not valid yet/],
  ['CERT_REVOKED', false, /was revoked/],
  ['ERR_TLS_CERT_ALTNAME_INVALID', false, /other host names/],
  ['ERR_SSL_WRONG_VERSION_NUMBER', false, /does not speak TLS/],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', false, /no TLS version or cipher in common/],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', false, /wants a certificate of weir/],
  ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', false, /wants a certificate of weir/],
  ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', true, /no TLS version or cipher in common/],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', true, /does not accept weir's certificate/],
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', true, /does not accept weir's certificate/],
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', true, /does not accept weir's certificate/],
  ['ENOTFOUND', false, /^ENOTFOUND$/],
];

describe('a TLS failure', () => {
  for (const [code, hasCertificate, sentence] of cases) {
    it(`${code} is explained, ${hasCertificate ? 'with' : 'without'} a certificate of weir's own`, () => {
      assert.match(explainTlsError(errorOf(code), { hasCertificate }), sentence);
      assert.match(explainTlsFailure(errorOf(code), { hasCertificate, hasAnswered: true }), sentence);
    });
  }

  it('by hanging up depends on what the server said before', () => {
    const start = { hasCertificate: false, hasAnswered: false };
    assert.match(explainTlsFailure(errorOf('ECONNRESET'), start), /does not speak TLS/);
    assert.match(explainTlsFailure(errorOf('ECONNRESET'), { ...start, hasAnswered: true }), /ended the TLS handshake/);
    assert.equal(explainTlsError(errorOf('ECONNRESET'), start), 'ECONNRESET');
    assert.equal(explainTlsError(new Error('text of the peer'), start), 'tls_error');
  });
});
