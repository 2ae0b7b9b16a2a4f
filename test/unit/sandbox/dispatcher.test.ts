// Every command gets a reply, also what is no command. Invariant under test: the dispatcher never throws.
// What the commands do is tested beside them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Doc, Double, Long, ObjectId } from '../../../src/sandbox/documents.ts';
import { makeFixture } from './fixture.ts';

const noPlain: Doc = { ok: new Double(1) };

test('an unknown command is 59 and counted under one name', async () => {
  const { run, dispatcher } = await makeFixture();
  const reply = run({ nonsense: 1 });
  assert.equal(reply['code'], 59);
  assert.equal(reply['codeName'], 'CommandNotFound');
  assert.equal(Number(reply['ok']), 0);
  for (const name of ['nonsense', 'constructor', 'find']) dispatcher.count(name);
  assert.deepEqual(
    [...dispatcher.counts],
    [
      ['unknown', 2],
      ['find', 1],
    ],
  );
  assert.equal(run({ constructor: 1 })['code'], 59);
});

test('transactions are refused with a plain sentence, retryable writes are not', async () => {
  const { run, find } = await makeFixture();
  const marks = { lsid: { id: 1 }, txnNumber: Long.fromNumber(1) };
  const refused = run({ insert: 'c', documents: [{}], ...marks, autocommit: false, startTransaction: true });
  assert.equal(refused['code'], 20);
  assert.match(String(refused['errmsg']), /no transactions/);
  assert.equal(run({ commitTransaction: 1, ...marks, autocommit: false })['code'], 20);
  assert.equal(run({ abortTransaction: 1 })['code'], 20);
  for (const _ of [1, 2]) assert.equal(run({ insert: 'c', documents: [{ a: 1 }], ...marks })['n'], 1);
  assert.equal(find('c').length, 1);
});

test('names of databases and collections are checked', async () => {
  const { run } = await makeFixture();
  for (const database of ['', 'a.b', 'a b', 'a$b', 'x'.repeat(64)]) {
    assert.equal(run({ ping: 1 }, database)['code'], 73, database);
  }
  for (const name of ['', '.a', 'a$b', 'a\0b']) assert.equal(run({ find: name })['code'], 73, name);
  assert.equal(run({ find: 1 })['code'], 14);
  assert.equal(run({ insert: 'x'.repeat(252), documents: [{}] })['writeErrors'] !== undefined, true);
});

test('hello tells a standalone in three spellings', async () => {
  const { run } = await makeFixture();
  const hello = run({ hello: 1, helloOk: true }, 'admin');
  assert.equal(hello['isWritablePrimary'], true);
  assert.equal(hello['ismaster'], undefined);
  assert.equal(hello['helloOk'], true);
  assert.equal(hello['setName'], undefined);
  assert.equal(hello['msg'], undefined);
  assert.deepEqual([hello['minWireVersion'], hello['maxWireVersion']], [0, 25]);
  assert.equal(hello['logicalSessionTimeoutMinutes'], 30);
  assert.ok((hello['topologyVersion'] as { processId: unknown }).processId instanceof ObjectId);
  for (const name of ['isMaster', 'ismaster']) {
    const reply = run({ [name]: 1 }, 'admin');
    assert.equal(reply['ismaster'], true);
    assert.equal(reply['isWritablePrimary'], undefined);
    assert.equal(reply['helloOk'], undefined);
  }
});

test('hello tells a replica set of one when asked to', async () => {
  const { run } = await makeFixture({ replicaSet: 'rs0' });
  const hello = run({ hello: 1 }, 'admin');
  assert.deepEqual([hello['setName'], hello['me'], hello['hosts']], ['rs0', '127.0.0.1:27017', ['127.0.0.1:27017']]);
});

test('the server says what it is not', async () => {
  const { run } = await makeFixture();
  const info = run({ buildInfo: 1 }, 'admin');
  assert.deepEqual(info['modules'], ['sandbox']);
  assert.match(String(info['notice']), /not a database/);
  assert.match(String(run({ getLog: 'startupWarnings' }, 'admin')['log']), /not a database/);
  assert.equal(run({ saslStart: 1 }, 'admin')['code'], 18);
});

test('what shells and drivers ask on start is answered', async () => {
  const { run } = await makeFixture();
  const admin = (command: Doc): Doc => run(command, 'admin');
  assert.deepEqual(admin({ ping: 1 }), noPlain);
  assert.equal(admin({ whatsmyuri: 1 })['you'], '127.0.0.1:5');
  assert.deepEqual(admin({ connectionStatus: 1 })['authInfo'], { authenticatedUsers: [], authenticatedUserRoles: [] });
  assert.deepEqual(admin({ getParameter: 1, featureCompatibilityVersion: 1 })['featureCompatibilityVersion'], {
    version: '8.0',
  });
  assert.equal(admin({ getParameter: 1, other: 1 })['code'], 72);
  assert.equal(admin({ serverStatus: 1 })['process'], 'sandbox');
  for (const name of ['endSessions', 'refreshSessions', 'getCmdLineOpts', 'hostInfo', 'startSession']) {
    assert.equal(Number(admin({ [name]: 1 })['ok']), 1, name);
  }
});

test('whatever is sent, there is a reply that is no failure of the sandbox', async () => {
  const { run } = await makeFixture();
  const check = (command: Doc): void => {
    const reply = run(command);
    assert.ok(reply['ok'] instanceof Double);
    assert.notEqual(reply['code'], 8, `${JSON.stringify(command)}: ${String(reply['errmsg'])}`);
  };
  const odd: unknown[] = [null, 1, 'x', [], {}, [1], -1, Number.NaN, { $a: 1 }, new Date(0), /x/, Long.MAX_VALUE];
  const fields =
    'filter sort projection limit batchSize cursor collation let query key update fields index ordered'.split(' ');
  const lists = 'documents updates deletes pipeline indexes cursors arrayFilters'.split(' ');
  const readers = 'find aggregate count distinct getMore killCursors listIndexes listCollections listDatabases'.split(
    ' ',
  );
  const writers = 'insert update delete findAndModify createIndexes dropIndexes create drop'.split(' ');
  for (const name of [...readers, ...writers]) {
    for (const value of odd) {
      check({ [name]: value });
      for (const field of fields) check({ [name]: 'c', key: 'a', [field]: value });
      const item = { q: value, u: value, key: value, name: 'n', multi: value, limit: value, _id: value };
      for (const list of lists) {
        for (const items of [value, [value], [item], [{ $match: value }], [{ $group: value }], [{ $out: value }]]) {
          check({ [name]: 'c', update: { a: 1 }, [list]: items });
        }
      }
    }
  }
});
