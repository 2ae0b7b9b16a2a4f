// A login by the certificate that the TLS connection was opened with (MONGODB-X509), begun inside the hello where the server
// takes that. It holds no certificate. Invariant: `done` only after the server said ok to it.

import { type BsonDocument, DecodeError, encodeMessage, type ReplyView } from '../../../codecs/index.ts';
import type { Handshake, HandshakeStep } from '../handshake.ts';
import { explainLoginReply, LoginFailure } from './login-failure.ts';
import { makeAuthenticate, readHelloLogin } from './sasl-messages.ts';

const SOURCE = '$external';

export class X509Handshake implements Handshake {
  readonly #username: string | null;
  readonly #hello: (requestId: number, login: BsonDocument) => Buffer;
  #isHelloAnswered = false;

  /** @param username null: the server takes the certificate's subject */
  constructor(username: string | null, hello: (requestId: number, login: BsonDocument) => Buffer) {
    this.#username = username;
    this.#hello = hello;
  }

  start(requestId: number): Buffer {
    return this.#hello(requestId, { speculativeAuthenticate: { ...makeAuthenticate(this.#username), db: SOURCE } });
  }

  onReply(reply: ReplyView, proceed: (step: HandshakeStep) => void): void {
    proceed(this.#isHelloAnswered ? this.#onAuthenticated(reply) : this.#onHello(reply.body));
  }

  #onHello(body: Buffer): HandshakeStep {
    this.#isHelloAnswered = true;
    try {
      if (readHelloLogin(body).speculation !== null) return { kind: 'done' };
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return { kind: 'failed', reason: 'login_failed', detail: new LoginFailure('malformed').message };
    }
    const message = { ...makeAuthenticate(this.#username), $db: SOURCE };
    return { kind: 'send', encode: (requestId) => encodeMessage(message, requestId, 0) };
  }

  #onAuthenticated(reply: ReplyView): HandshakeStep {
    if (reply.ok) return { kind: 'done' };
    return { kind: 'failed', reason: 'login_failed', detail: explainLoginReply(reply, true) };
  }
}
