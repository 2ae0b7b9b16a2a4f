// Who a client says it is in its hellos, through the whole proxy: what is taken, what is refused, what changes later.
// The rest of hello is greeter.test.ts. Invariants tested: a refused hello changes nothing; names are cleaned; a later
// change of names is never an error and never a change of owner.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BsonDocument } from '../../../codecs/index.ts';
import { startRig } from '../../support/rig.ts';
import { clientDocument } from '../../support/test-client.ts';

describe('client metadata', () => {
  const good = clientDocument('shop');
  const big = (bytes: number): string => 'x'.repeat(bytes);
  const REFUSED: readonly (readonly [what: string, client: BsonDocument, code: number, codeName: string])[] = [
    ['no driver', { os: { type: 'T' } }, 183, 'ClientMetadataMissingField'],
    ['no driver name', { ...good, driver: { version: '1' } }, 183, 'ClientMetadataMissingField'],
    ['no driver version', { ...good, driver: { name: 'x' } }, 183, 'ClientMetadataMissingField'],
    ['a driver that is no document', { ...good, driver: 'x' }, 183, 'ClientMetadataMissingField'],
    ['no os', { ...good, os: undefined }, 183, 'ClientMetadataMissingField'],
    ['no os type', { ...good, os: { name: 'x' } }, 183, 'ClientMetadataMissingField'],
    [
      'an application name of 129 bytes',
      { ...good, application: { name: big(129) } },
      184,
      'ClientMetadataAppNameTooLarge',
    ],
    [
      '65 characters of two bytes',
      { ...good, application: { name: 'é'.repeat(65) } },
      184,
      'ClientMetadataAppNameTooLarge',
    ],
    ['more than 1024 bytes', { ...good, platform: big(1024) }, 185, 'ClientMetadataDocumentTooLarge'],
  ];
  for (const [what, document, code, codeName] of REFUSED) {
    test(`with ${what}: ${code}`, () => {
      const rig = startRig();
      const client = rig.connectClient();
      client.send({ hello: 1, client: document, $db: 'admin' });
      assert.deepEqual([client.last['ok'], client.last['code'], client.last['codeName']], [0, code, codeName]);
      assert.equal(client.isClosed, false);
      client.hello('second try');
      assert.equal(client.last['ok'], 1);
    });
  }

  const TAKEN: readonly (readonly [what: string, client: BsonDocument, app: string])[] = [
    ['an application name of 128 bytes', { ...good, application: { name: big(128) } }, `${big(119)}…`],
    ['no application', { ...good, application: undefined }, '-'],
    ['an application without a name', { ...good, application: {} }, '-'],
    ['a name with control characters', { ...good, application: { name: 'a\u001b[31mb' } }, 'a\u{fffd}[31mb'],
    [
      'wrapping libraries and FaaS',
      { ...good, driver: { name: 'n|odm', version: '1|2' }, env: { name: 'aws.lambda' } },
      'shop',
    ],
  ];
  for (const [what, document, app] of TAKEN) {
    test(`with ${what}: taken`, () => {
      const rig = startRig();
      const client = rig.connectClient();
      client.send({ hello: 1, client: document, $db: 'admin' });
      assert.equal(client.last['ok'], 1);
      assert.deepEqual(
        [...rig.downstream.connections].map((connection) => connection.snapshot().app),
        [app],
      );
    });
  }

  test('a second time: 186, and the first stays', () => {
    const rig = startRig();
    const client = rig.app('first');
    client.hello('second');
    assert.deepEqual([client.last['code'], client.last['codeName']], [186, 'ClientMetadataCannotBeMutated']);
    client.send({ hello: 1, $db: 'admin' });
    assert.equal(client.last['ok'], 1);
    const [shown] = [...rig.downstream.connections].map((connection) => connection.snapshot());
    assert.deepEqual([shown?.app, shown?.driver], ['first', 'test 1']);
  });

  const shown = (rig: ReturnType<typeof startRig>): string[] => {
    const [snapshot] = [...rig.downstream.connections].map((connection) => connection.snapshot());
    return [snapshot?.app ?? '', snapshot?.driver ?? ''];
  };
  const UPDATES: readonly (readonly [what: string, update: BsonDocument, app: string, driver: string])[] = [
    ['another driver', { driver: { name: 'test|odm', version: '1|7' } }, 'first', 'test|odm 1|7'],
    ['another application', { application: { name: 'second' } }, 'second', 'test 1'],
    ['control characters', { application: { name: 'a\u001bb' } }, 'a\u{fffd}b', 'test 1'],
    ['an application name of 129 bytes', { application: { name: big(129) } }, 'first', 'test 1'],
    ['half a driver', { driver: { name: 'x' } }, 'first', 'test 1'],
    ['too much', { application: { name: 'second' }, platform: big(1024) }, 'first', 'test 1'],
    ['nothing', {}, 'first', 'test 1'],
  ];
  for (const [what, update, app, driver] of UPDATES) {
    test(`changed later by a clientUpdate with ${what}`, () => {
      const rig = startRig();
      const client = rig.app('first');
      const [before] = [...rig.downstream.connections];
      const owner = before?.peer;
      client.send({ hello: 1, clientUpdate: update, $db: 'admin' });
      assert.equal(client.last['ok'], 1, 'an error would cost the driver its pool');
      assert.deepEqual(shown(rig), [app, driver]);
      assert.equal(before?.peer, owner, 'it is the same process');
      client.send({ find: 'goods' });
      assert.ok(rig.table.rows().some((row) => row.command === 'find' && row.app === app));
    });
  }

  test('that was never given is not changed', () => {
    const rig = startRig();
    const client = rig.connectClient();
    client.send({ hello: 1, clientUpdate: { application: { name: 'second' } }, $db: 'admin' });
    assert.deepEqual(shown(rig), ['-', '']);
  });

  test('with garbage inside: 22, the connection is kept, the operation is finished', () => {
    const rig = startRig();
    const client = rig.connectClient();
    const bytes = client.encode({ hello: 1, client: { ...good, note: { text: 'abcdefgh' } }, $db: 'admin' });
    bytes.writeInt32LE(1000, bytes.indexOf('abcdefgh') - 4);
    client.feed(bytes);
    assert.deepEqual([client.last['ok'], client.last['code']], [0, 22]);
    assert.equal(client.isClosed, false);
    client.hello('again');
    assert.equal(client.last['ok'], 1);
  });
});
