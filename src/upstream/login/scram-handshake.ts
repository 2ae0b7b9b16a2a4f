// A SCRAM login on one new connection: begun inside the hello, continued if the server answered that, begun anew if not.
// Keys come from salted-keys.ts. Invariant: it says `done` only after the server's signature was checked.

import { type BsonDocument, deserialize, encodeMessage, type ReplyView } from '../../../codecs/index.ts';
import type { Credential } from '../../options.ts';
import type { Handshake, HandshakeStep } from '../handshake.ts';
import { explainLoginReply, LoginFailure } from './login-failure.ts';
import type { SaltedKeys } from './salted-keys.ts';
import { makeSaslContinue, makeSaslStart, readHelloLogin, readSaslReply, type SaslReply } from './sasl-messages.ts';
import { ScramClient, type ScramMechanism } from './scram.ts';

export type ScramCredential = Exclude<Credential, { readonly mechanism: 'MONGODB-X509' }>;

export interface ScramParts {
  readonly credential: ScramCredential;
  readonly keys: SaltedKeys;
  /** Encodes the hello with a login's fields in it. */
  readonly hello: (requestId: number, login: BsonDocument) => Buffer;
  /** See ScramClient. */
  readonly makeNonce: () => string;
}

const DONE: HandshakeStep = { kind: 'done' };

/** What the next reply answers. */
type Stage = 'hello' | 'start' | 'proof' | 'signed';

export class ScramHandshake implements Handshake {
  readonly #parts: ScramParts;
  #stage: Stage = 'hello';
  #mechanism: ScramMechanism;
  #client: ScramClient;

  constructor(parts: ScramParts) {
    const { mechanism } = parts.credential;
    this.#parts = parts;
    this.#mechanism = mechanism === 'negotiated' ? 'SCRAM-SHA-256' : mechanism;
    this.#client = this.#makeClient();
  }

  start(requestId: number): Buffer {
    const { credential, hello } = this.#parts;
    const { source, username } = credential;
    const asked = credential.mechanism === 'negotiated' ? { saslSupportedMechs: `${source}.${username}` } : {};
    const speculation = { ...makeSaslStart(this.#mechanism, this.#client.firstMessage), db: source };
    return hello(requestId, { ...asked, speculativeAuthenticate: speculation });
  }

  onReply(reply: ReplyView, proceed: (step: HandshakeStep) => void): void {
    this.#next(reply).then(proceed, (error: unknown) => proceed(failedBy(error)));
  }

  /** Rejects with LoginFailure or DecodeError. */
  async #next(reply: ReplyView): Promise<HandshakeStep> {
    if (this.#stage === 'hello') return this.#onHello(reply.body);
    if (!reply.ok) return { kind: 'failed', reason: 'login_failed', detail: explainLoginReply(reply, false) };
    return this.#onSasl(readSaslReply(deserialize(reply.body)));
  }

  async #onHello(body: Buffer): Promise<HandshakeStep> {
    const { speculation, mechanisms } = readHelloLogin(body);
    this.#stage = 'start';
    if (speculation !== null) return this.#onSasl(readSaslReply(speculation));
    if (this.#parts.credential.mechanism === 'negotiated') {
      this.#mechanism = mechanisms?.includes('SCRAM-SHA-256') === true ? 'SCRAM-SHA-256' : 'SCRAM-SHA-1';
    }
    // A nonce is used once.
    this.#client = this.#makeClient();
    return this.#say(makeSaslStart(this.#mechanism, this.#client.firstMessage));
  }

  async #onSasl(sasl: SaslReply): Promise<HandshakeStep> {
    if (this.#stage === 'start') return this.#prove(sasl);
    if (this.#stage === 'proof') {
      this.#client.verifyServerFinal(sasl.payload);
      this.#stage = 'signed';
    } else if (!sasl.done) throw new LoginFailure('malformed');
    // A server that does not know skipEmptyExchange wants one more round.
    return sasl.done ? DONE : this.#say(makeSaslContinue(sasl.conversationId, Buffer.alloc(0)));
  }

  async #prove({ payload, conversationId, done }: SaslReply): Promise<HandshakeStep> {
    if (done) throw new LoginFailure('server_unproven');
    const salt = this.#client.readServerFirst(payload);
    const proof = this.#client.makeFinal(await this.#parts.keys.derive(this.#mechanism, salt));
    this.#stage = 'proof';
    return this.#say(makeSaslContinue(conversationId, proof));
  }

  #say(command: BsonDocument): HandshakeStep {
    const message = { ...command, $db: this.#parts.credential.source };
    return { kind: 'send', encode: (requestId) => encodeMessage(message, requestId, 0) };
  }

  #makeClient(): ScramClient {
    return new ScramClient(this.#mechanism, this.#parts.credential.username, this.#parts.makeNonce());
  }
}

function failedBy(error: unknown): HandshakeStep {
  // A DecodeError, and whatever else there may be: the text is weir's own or the runtime's, never the server's.
  const failure = error instanceof LoginFailure ? error : new LoginFailure('malformed');
  return { kind: 'failed', reason: 'login_failed', detail: failure.message };
}
