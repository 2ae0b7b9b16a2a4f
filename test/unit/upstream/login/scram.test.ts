// SCRAM's client against the numbers that the RFCs print, against a server of our own, and against servers that lie.

import assert from 'node:assert/strict';
import { pbkdf2Sync } from 'node:crypto';
import { describe, it } from 'node:test';
import { LoginFailure } from '../../../../src/upstream/login/login-failure.ts';
import { digestOf, keysOf, ScramClient, type ScramMechanism } from '../../../../src/upstream/login/scram.ts';
import { ScramServer } from '../../../support/scram-server.ts';

interface Vector {
  readonly mechanism: ScramMechanism;
  readonly nonce: string;
  readonly serverFirst: string;
  readonly final: string;
  readonly serverFinal: string;
}

/** User `user`, password `pencil`: RFC 7677 section 3 and RFC 5802 section 5. */
const VECTORS: readonly Vector[] = [
  {
    mechanism: 'SCRAM-SHA-256',
    nonce: 'rOprNGfwEbeRWgbNEkqO',
    serverFirst: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    final: 'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  },
  {
    mechanism: 'SCRAM-SHA-1',
    nonce: 'fyko+d2lbbFgONRv9qkxdawL',
    serverFirst: 'r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096',
    final: 'c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
    serverFinal: 'v=rmF9pqV8S7suAoZWja4dJRkFsKQ=',
  },
];

function keysFor(mechanism: ScramMechanism, client: ScramClient, serverFirst: string): ReturnType<typeof keysOf> {
  const { salt, iterations } = client.readServerFirst(Buffer.from(serverFirst));
  const digest = digestOf(mechanism);
  return keysOf(mechanism, pbkdf2Sync('pencil', salt, iterations, digest === 'sha256' ? 32 : 20, digest));
}

/** A client that has sent its proof. */
function proven({ mechanism, nonce, serverFirst }: Vector): { client: ScramClient; final: string } {
  const client = new ScramClient(mechanism, 'user', nonce);
  return { client, final: client.makeFinal(keysFor(mechanism, client, serverFirst)).toString() };
}

const refused = (problem: ConstructorParameters<typeof LoginFailure>[0]): Error => new LoginFailure(problem);

for (const vector of VECTORS) {
  describe(`${vector.mechanism} as published`, () => {
    it('begins, proves and believes', () => {
      const { client, final } = proven(vector);
      assert.equal(client.firstMessage.toString(), `n,,n=user,r=${vector.nonce}`);
      assert.equal(final, vector.final);
      client.verifyServerFinal(Buffer.from(vector.serverFinal));
    });

    it('believes no signature with one bit changed, none that is cut, none at all', () => {
      const bytes = Buffer.from(vector.serverFinal.slice(2), 'base64');
      for (let at = 0; at < bytes.length * 8; at++) {
        const { client } = proven(vector);
        const wrong = Buffer.from(bytes);
        wrong.writeUInt8(wrong.readUInt8(at >> 3) ^ (1 << (at & 7)), at >> 3);
        const message = Buffer.from(`v=${wrong.toString('base64')}`);
        assert.throws(() => client.verifyServerFinal(message), refused('server_unproven'));
      }
      for (let length = 0; length < vector.serverFinal.length - 4; length++) {
        const { client } = proven(vector);
        assert.throws(() => client.verifyServerFinal(Buffer.from(vector.serverFinal.slice(0, length))), LoginFailure);
      }
    });

    it('believes nothing before the proof was sent', () => {
      const client = new ScramClient(vector.mechanism, 'user', vector.nonce);
      assert.throws(() => client.verifyServerFinal(Buffer.from(vector.serverFinal)), refused('server_unproven'));
    });

    it('throws nothing but LoginFailure at a first message that is cut anywhere', () => {
      for (let length = 0; length < vector.serverFirst.length; length++) {
        const client = new ScramClient(vector.mechanism, 'user', vector.nonce);
        const cut = Buffer.from(vector.serverFirst.slice(0, length));
        assert.throws(() => client.readServerFirst(cut), LoginFailure);
      }
    });
  });
}

describe('a server that lies', () => {
  const nonce = 'abcdef';
  const cases: readonly (readonly [string, ConstructorParameters<typeof LoginFailure>[0]])[] = [
    ['r=abcdef,s=QUJD,i=4096', 'nonce'],
    ['r=Xabcdef1,s=QUJD,i=4096', 'nonce'],
    ['s=QUJD,i=4096', 'nonce'],
    ['r=abcdef1,s=QUJD,i=4095', 'iterations'],
    ['r=abcdef1,s=QUJD,i=1', 'iterations'],
    ['r=abcdef1,s=QUJD,i=-5000', 'iterations'],
    ['r=abcdef1,s=QUJD,i=1000001', 'iterations'],
    ['r=abcdef1,s=QUJD,i=99999999999', 'iterations'],
    ['r=abcdef1,s=QUJD,i=', 'iterations'],
    ['r=abcdef1,s=QUJD', 'iterations'],
    ['r=abcdef1,s=,i=4096', 'malformed'],
    ['r=abcdef1,i=4096', 'malformed'],
    ['m=x,r=abcdef1,s=QUJD,i=4096', 'malformed'],
    ['', 'malformed'],
    [`r=abcdef${'1'.repeat(5000)},s=QUJD,i=4096`, 'malformed'],
    ['\u0000', 'malformed'],
  ];
  for (const [message, problem] of cases) {
    it(`is not believed: ${message.slice(0, 40)}`, () => {
      const client = new ScramClient('SCRAM-SHA-256', 'u', nonce);
      assert.throws(() => client.readServerFirst(Buffer.from(message)), refused(problem));
    });
  }

  it('is told so when it says e=', () => {
    const { client } = proven(VECTORS[0] as Vector);
    assert.throws(() => client.verifyServerFinal(Buffer.from('e=invalid-proof')), refused('refused'));
  });
});

describe('user names', () => {
  for (const username of ['plain', 'a=b', 'a,b', '=2C', ',=,=', 'ü,=ñ']) {
    it(`reach the server as they are: ${username}`, () => {
      const salt = Buffer.from('salt');
      const account = { mechanism: 'SCRAM-SHA-256', username, secret: 'pencil', salt, iterations: 4096 } as const;
      const server = new ScramServer(account);
      const client = new ScramClient('SCRAM-SHA-256', username, 'cnonce');
      const first = server.first(client.firstMessage).toString();
      const signature = server.final(client.makeFinal(keysFor('SCRAM-SHA-256', client, first)));
      assert.ok(signature !== null);
      client.verifyServerFinal(signature);
    });
  }
});
