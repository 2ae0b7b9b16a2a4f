// What went wrong while TLS was opened, as one sentence of a closed list that says what to do; everything else is the system's
// code. Pure. Invariant: no text of the peer's, none of its certificate's, is repeated.

export interface TlsFacts {
  /** Whether weir showed a certificate of its own. */
  readonly hasCertificate: boolean;
}

/** What was seen of a server that hung up. */
export interface TlsStart extends TlsFacts {
  /** It took part in the handshake until keys were agreed. */
  readonly hasAnswered: boolean;
}

const UNKNOWN_AUTHORITY =
  "the server's certificate is signed by an authority that is not known here: name its file in tlsCAFile";
const EXPIRED = "the server's certificate has expired: it must be renewed at the server";
const NOT_YET_VALID = "the server's certificate is not valid yet: look at the clocks of both machines";
const REVOKED = "the server's certificate was revoked: it must be replaced at the server";
const WRONG_NAME =
  "the server's certificate is for other host names: use one of its names in the uri, or set tlsAllowInvalidHostnames=true";
const NO_TLS = 'the server does not speak TLS at this port: turn TLS on there, or set tls=false';
const NO_COMMON_VERSION = 'the server and weir have no TLS version or cipher in common';
export const NO_TLS_ANSWER =
  'the server says nothing to a TLS handshake: does it speak TLS at this port? If not, turn TLS on there, or set tls=false';
const ENDED_HANDSHAKE =
  'the server ended the TLS handshake: it may want a certificate of weir (tlsCertificateKeyFile), or another one';
const WANTS_CERTIFICATE = 'the server wants a certificate of weir: name its file in tlsCertificateKeyFile';
const REFUSES_CERTIFICATE =
  "the server does not accept weir's certificate: is it valid, and signed by an authority of the server's CA file?";

const SENTENCES: ReadonlyMap<string, string> = new Map([
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', UNKNOWN_AUTHORITY],
  ['SELF_SIGNED_CERT_IN_CHAIN', UNKNOWN_AUTHORITY],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', UNKNOWN_AUTHORITY],
  ['UNABLE_TO_GET_ISSUER_CERT', UNKNOWN_AUTHORITY],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', UNKNOWN_AUTHORITY],
  ['CERT_UNTRUSTED', UNKNOWN_AUTHORITY],
  ['CERT_SIGNATURE_FAILURE', UNKNOWN_AUTHORITY],
  ['CERT_HAS_EXPIRED', EXPIRED],
  ['CERT_NOT_YET_VALID', NOT_YET_VALID],
  ['CERT_REVOKED', REVOKED],
  ['ERR_TLS_CERT_ALTNAME_INVALID', WRONG_NAME],
  ['HOSTNAME_MISMATCH', WRONG_NAME],
  ['ERR_SSL_WRONG_VERSION_NUMBER', NO_TLS],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', NO_TLS],
  ['ERR_SSL_HTTP_REQUEST', NO_TLS],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', NO_COMMON_VERSION],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', NO_COMMON_VERSION],
  ['ERR_SSL_NO_PROTOCOLS_AVAILABLE', NO_COMMON_VERSION],
]);

/** Alerts by which a server says that it wanted a certificate, or another one. */
const CERTIFICATE_ALERT =
  /ALERT_(?:CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_\w+|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED)$/;
/** TLS 1.2 servers say no more than this when a certificate is missing. */
const HANDSHAKE_ALERT = /ALERT_HANDSHAKE_FAILURE$/;
/** The server hung up. */
const HUNG_UP: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE']);

/** For an error before the connection is open. */
export function explainTlsFailure(error: NodeJS.ErrnoException, start: TlsStart): string {
  if (!HUNG_UP.has(error.code ?? '')) return explainTlsError(error, start);
  return start.hasAnswered ? ENDED_HANDSHAKE : NO_TLS;
}

/** For one at any time: with TLS 1.3 a server judges weir's certificate after the connection is open here. */
export function explainTlsError(error: NodeJS.ErrnoException, { hasCertificate }: TlsFacts): string {
  const code = error.code ?? 'tls_error';
  if (CERTIFICATE_ALERT.test(code)) return hasCertificate ? REFUSES_CERTIFICATE : WANTS_CERTIFICATE;
  if (HANDSHAKE_ALERT.test(code)) return hasCertificate ? NO_COMMON_VERSION : WANTS_CERTIFICATE;
  return SENTENCES.get(code) ?? code;
}
