// Whole logins, message by message: begun inside the hello, continued or begun anew, refused, and what is said of them.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import {
  Binary,
  type BsonDocument,
  deserialize,
  encodeMessage,
  Frame,
  Int32,
  readReply,
} from '../../../../codecs/index.ts';
import type { Logger } from '../../../../src/core/logger.ts';
import { SecretText } from '../../../../src/core/secret.ts';
import type { Credential } from '../../../../src/options.ts';
import type { Handshake, HandshakeStep } from '../../../../src/upstream/handshake.ts';
import { Login } from '../../../../src/upstream/login/login.ts';
import { ScramServer } from '../../../support/scram-server.ts';

const PASSWORD = 'pencil-hunter2';
type Mechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-1';

/** A server with one user; `tweak` changes what it answers. */
class LoginServer {
  readonly seen: BsonDocument[] = [];
  speculates = true;
  mechanisms: string[] | null = ['SCRAM-SHA-1', 'SCRAM-SHA-256'];
  skipsEmptyExchange = true;
  password = PASSWORD;
  iterations = 4096;
  tweak: (reply: BsonDocument, round: number) => BsonDocument = (reply) => reply;
  #scram: ScramServer | null = null;
  #round = 0;

  answer(command: BsonDocument): BsonDocument {
    this.seen.push(command);
    return this.tweak(this.#answer(command), this.#round++);
  }

  #answer(command: BsonDocument): BsonDocument {
    if ('hello' in command) return this.#hello(command);
    if ('saslStart' in command) return { ok: 1, ...this.#start(command) };
    if ('authenticate' in command) return { ok: 1, dbname: '$external', user: 'CN=weir' };
    return this.#continue(command);
  }

  #hello(command: BsonDocument): BsonDocument {
    const speculation = command['speculativeAuthenticate'] as BsonDocument | undefined;
    const isAnswered = this.speculates && speculation !== undefined;
    return {
      ok: 1,
      isWritablePrimary: true,
      ...(this.mechanisms === null || !('saslSupportedMechs' in command)
        ? {}
        : { saslSupportedMechs: this.mechanisms }),
      ...(isAnswered ? { speculativeAuthenticate: this.#speculate(speculation) } : {}),
    };
  }

  #speculate(command: BsonDocument): BsonDocument {
    return 'authenticate' in command ? { dbname: '$external', user: 'CN=weir' } : this.#start(command);
  }

  #start(command: BsonDocument): BsonDocument {
    const mechanism = command['mechanism'] as Mechanism;
    const legacy = createHash('md5').update(`weir:mongo:${this.password}`).digest('hex');
    this.#scram = new ScramServer({
      mechanism,
      username: 'weir',
      secret: mechanism === 'SCRAM-SHA-1' ? legacy : this.password,
      salt: Buffer.from(`salt of ${mechanism}`),
      iterations: this.iterations,
    });
    const payload = new Binary(this.#scram.first((command['payload'] as Binary).value()));
    return { conversationId: new Int32(1), done: false, payload };
  }

  #continue(command: BsonDocument): BsonDocument {
    const given = (command['payload'] as Binary).value();
    if (given.length === 0) return { ok: 1, conversationId: 1, done: true, payload: new Binary(Buffer.alloc(0)) };
    const signature = this.#scram?.final(given) ?? null;
    if (signature === null) return { ok: 0, code: 18, errmsg: 'no user weir with this password', codeName: 'X' };
    return { ok: 1, conversationId: 1, done: this.skipsEmptyExchange, payload: new Binary(signature) };
  }
}

function credentialOf(mechanism: Mechanism | 'negotiated', password: string = PASSWORD): Credential {
  return { mechanism, username: 'weir', password: new SecretText(password), source: 'users' };
}

interface Bench {
  readonly login: Login;
  readonly lines: string[];
}

function makeLogin(credential: Credential | null): Bench {
  const lines: string[] = [];
  const note =
    (level: string) =>
    (fields: object, message: string): void =>
      void lines.push(`${level} ${message} ${inspect(fields)}`);
  const logger: Logger = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') };
  let nonces = 0;
  return { login: new Login({ cluster: 'c', credential, logger, makeNonce: () => `nonce${++nonces}` }), lines };
}

function begin({ login }: Bench): Handshake {
  return login.begin((id, fields) => encodeMessage({ hello: new Int32(1), ...fields, $db: 'admin' }, id, 0));
}

const documentOf = (message: Buffer): BsonDocument => deserialize(message.subarray(21));

/** Talks until the handshake is over. */
async function talk(bench: Bench, server: LoginServer): Promise<HandshakeStep> {
  const handshake = begin(bench);
  let message = handshake.start(1);
  for (let round = 0; round < 10; round++) {
    const reply = readReply(Frame.of(encodeMessage(server.answer(documentOf(message)), 1, 1)));
    const step = await new Promise<HandshakeStep>((resolve) => handshake.onReply(reply, resolve));
    if (step.kind !== 'send') return step;
    message = step.encode(2);
  }
  throw new Error('ten rounds');
}

const namesOf = (server: LoginServer): string[] => server.seen.map((command) => Object.keys(command)[0] ?? '');

describe('without a credential', () => {
  it('says hello and nothing more', async () => {
    const server = new LoginServer();
    assert.deepEqual(await talk(makeLogin(null), server), { kind: 'done' });
    assert.deepEqual(server.seen, [{ hello: 1, $db: 'admin' }]);
  });
});

describe('SCRAM', () => {
  it('begins inside the hello and needs one message more', async () => {
    const server = new LoginServer();
    assert.deepEqual(await talk(makeLogin(credentialOf('negotiated')), server), { kind: 'done' });
    assert.deepEqual(namesOf(server), ['hello', 'saslContinue']);
    const [hello, proof] = server.seen;
    assert.equal(hello?.['saslSupportedMechs'], 'users.weir');
    assert.ok(hello !== undefined);
    const { payload, ...rest } = hello['speculativeAuthenticate'] as BsonDocument;
    assert.equal(Buffer.from((payload as Binary).value()).toString(), 'n,,n=weir,r=nonce1');
    const options = { skipEmptyExchange: true };
    assert.deepEqual(rest, { saslStart: 1, mechanism: 'SCRAM-SHA-256', autoAuthorize: 1, options, db: 'users' });
    assert.equal(proof?.['$db'], 'users');
    assert.equal(proof?.['conversationId'], 1);
  });

  const negotiations: readonly (readonly [string, string[] | null, string])[] = [
    ['what the server lists', ['SCRAM-SHA-256', 'SCRAM-SHA-1'], 'SCRAM-SHA-256'],
    ['SHA-1 where it alone is listed', ['SCRAM-SHA-1'], 'SCRAM-SHA-1'],
    ['SHA-1 where nothing is listed', null, 'SCRAM-SHA-1'],
  ];
  for (const [name, mechanisms, chosen] of negotiations) {
    it(`without an answer to the speculation takes ${name}, with a new nonce`, async () => {
      const server = new LoginServer();
      server.speculates = false;
      server.mechanisms = mechanisms;
      assert.deepEqual(await talk(makeLogin(credentialOf('negotiated')), server), { kind: 'done' });
      assert.deepEqual(namesOf(server), ['hello', 'saslStart', 'saslContinue']);
      assert.equal(server.seen[1]?.['mechanism'], chosen);
      assert.equal(server.seen[1]?.['$db'], 'users');
      const [, start] = server.seen;
      assert.ok(start !== undefined);
      const payload = (start['payload'] as Binary).value();
      assert.equal(Buffer.from(payload).toString(), 'n,,n=weir,r=nonce2');
    });
  }

  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-1'] as const) {
    it(`with ${mechanism} spelt out asks for no list`, async () => {
      const server = new LoginServer();
      assert.deepEqual(await talk(makeLogin(credentialOf(mechanism)), server), { kind: 'done' });
      assert.ok(!('saslSupportedMechs' in (server.seen[0] ?? {})));
    });
  }

  it('goes one round more with a server that does not skip it', async () => {
    const server = new LoginServer();
    server.skipsEmptyExchange = false;
    assert.deepEqual(await talk(makeLogin(credentialOf('negotiated')), server), { kind: 'done' });
    assert.deepEqual(namesOf(server), ['hello', 'saslContinue', 'saslContinue']);
  });

  it('prepares a password of SHA-256 as RFC 4013 says', async () => {
    const server = new LoginServer();
    server.password = 'IX';
    // Soft hyphen and the sign of the Roman nine.
    assert.deepEqual(await talk(makeLogin(credentialOf('SCRAM-SHA-256', 'I\u00adX')), server), { kind: 'done' });
    assert.deepEqual(await talk(makeLogin(credentialOf('SCRAM-SHA-256', '\u2168')), server), { kind: 'done' });
  });
});

describe('X.509', () => {
  const credential: Credential = { mechanism: 'MONGODB-X509', username: null };

  it('is done with the hello where the server takes the speculation', async () => {
    const server = new LoginServer();
    assert.deepEqual(await talk(makeLogin(credential), server), { kind: 'done' });
    const speculation = server.seen[0]?.['speculativeAuthenticate'] as BsonDocument;
    assert.deepEqual(speculation, { authenticate: 1, mechanism: 'MONGODB-X509', db: '$external' });
  });

  it('is asked for on its own otherwise, with a name if there is one', async () => {
    const server = new LoginServer();
    server.speculates = false;
    assert.deepEqual(await talk(makeLogin({ ...credential, username: 'CN=weir' }), server), { kind: 'done' });
    const expected = { authenticate: 1, mechanism: 'MONGODB-X509', user: 'CN=weir', $db: '$external' };
    assert.deepEqual(server.seen[1], expected);
  });

  it('that is refused names the certificate', async () => {
    const server = new LoginServer();
    server.speculates = false;
    server.tweak = (reply, round) => (round === 0 ? reply : { ok: 0, code: 18, errmsg: 'hunter2' });
    const step = await talk(makeLogin(credential), server);
    assert.ok(step.kind === 'failed' && step.reason === 'login_failed');
    assert.match(step.detail, /^the server refused the login by certificate/);
  });
});

describe('a login that fails', () => {
  const cases: readonly (readonly [string, RegExp, (server: LoginServer) => void])[] = [
    ['a wrong password', /wrong user name or password/, (server) => (server.password = 'other')],
    [
      'a mechanism that is not enabled',
      /does not offer this login mechanism/,
      (server) => (server.tweak = (reply, round) => (round === 0 ? reply : { ok: 0, code: 334, errmsg: 'hunter2' })),
    ],
    [
      'another code',
      /^the server refused the login with code 4711$/,
      (server) => (server.tweak = (reply, round) => (round === 0 ? reply : { ok: 0, code: 4711, errmsg: 'hunter2' })),
    ],
    ['cheap keys', /iteration count/, (server) => (server.iterations = 4095)],
    [
      'a server that says done without a signature',
      /could not prove/,
      (server) =>
        (server.tweak = (reply, round) =>
          round === 0
            ? { ...reply, speculativeAuthenticate: { ...(reply['speculativeAuthenticate'] as object), done: true } }
            : reply),
    ],
    [
      'a signature of somebody else',
      /could not prove/,
      (server) =>
        (server.tweak = (reply, round) =>
          round === 0 ? reply : { ...reply, payload: new Binary(Buffer.from('v=AAAA')) }),
    ],
    [
      'a payload that is no binary',
      /cannot be read/,
      (server) => (server.tweak = (reply, round) => (round === 0 ? reply : { ...reply, payload: 'hunter2' })),
    ],
    [
      'a server that never ends',
      /cannot be read/,
      (server) => {
        server.skipsEmptyExchange = false;
        server.tweak = (reply, round) => (round < 2 ? reply : { ...reply, done: false });
      },
    ],
  ];
  for (const [name, sentence, spoil] of cases) {
    it(`says why: ${name}`, async () => {
      const bench = makeLogin(credentialOf('negotiated'));
      const server = new LoginServer();
      spoil(server);
      const step = await talk(bench, server);
      assert.ok(step.kind === 'failed' && step.reason === 'login_failed', inspect(step));
      assert.match(step.detail, sentence);
      assert.equal(bench.login.lastError, step.detail);
      assert.equal(bench.lines.length, 1);
      assert.doesNotMatch(`${step.detail} ${bench.lines.join()}`, /hunter2|weir/);
    });
  }

  it('because of a password that SASLprep forbids says so, and asks again next time', async () => {
    const bench = makeLogin(credentialOf('SCRAM-SHA-256', 'a\u0007b'));
    for (let attempt = 0; attempt < 2; attempt++) {
      const step = await talk(bench, new LoginServer());
      assert.ok(step.kind === 'failed');
      assert.match(step.detail, /the password holds characters/);
    }
  });

  it('is logged once, and its end once', async () => {
    const bench = makeLogin(credentialOf('negotiated'));
    const server = new LoginServer();
    server.password = 'other';
    for (let attempt = 0; attempt < 3; attempt++) await talk(bench, server);
    server.password = PASSWORD;
    for (let attempt = 0; attempt < 3; attempt++) await talk(bench, server);
    assert.deepEqual(
      bench.lines.map((line) => line.split(' {')[0]),
      ['warn login at the server failed', 'info login at the server works again'],
    );
    assert.equal(bench.login.lastError, null);
  });
});
