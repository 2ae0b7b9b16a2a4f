// weir's own logins at a real server, in the clear and over TLS, with a real driver working through the pool; and what is
// said when a login or TLS fails. Invariant: no password appears in anything that weir wrote.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { MongoClient } from 'mongodb';
import { type Certificate, makeCertificate } from './harness/certificate.ts';
import { weirEntry } from './harness/places.ts';
import { createUser, withOwnServer } from './harness/server.ts';
import { type Weir, withWeir } from './harness/weir.ts';

const run = promisify(execFile);
const USER = 'weir';
const PASSWORD = 'pä/ss:w@rd-hunter2';
const DEADLINE_MS = 30_000;

const withUser = (uri: string, password: string, options = ''): string =>
  `${uri.replace('mongodb://', `mongodb://${USER}:${encodeURIComponent(password)}@`)}/?${options}`;

/** Writes, reads and a transaction, by a driver that knows nothing of any login. */
async function work(weir: Weir, database: string): Promise<void> {
  const client = new MongoClient(weir.uri, { serverSelectionTimeoutMS: 10_000 });
  try {
    const orders = client.db(database).collection<{ _id: number; n: number }>('orders');
    await orders.insertMany(Array.from({ length: 300 }, (_, index) => ({ _id: index, n: index % 7 })));
    await Promise.all(Array.from({ length: 50 }, async (_, n) => orders.updateOne({ _id: n }, { $set: { n: 100 } })));
    assert.equal(await orders.countDocuments({ n: 100 }), 50);
    assert.equal((await orders.find({}, { batchSize: 20 }).toArray()).length, 300);
    await client.withSession(async (session) =>
      session.withTransaction(async () => {
        await orders.deleteOne({ _id: 0 }, { session });
        await orders.insertOne({ _id: 1000, n: 0 }, { session });
      }),
    );
    assert.equal(await orders.countDocuments({}), 300);
  } finally {
    await client.close();
  }
  assert.doesNotMatch(weir.log + (await weir.metrics()), /hunter2/);
}

/** `weir start --require-upstream`, which must give up, and what it said. */
async function failToStart(upstream: string): Promise<string> {
  const flags = ['--upstream', upstream, '--listen', '127.0.0.1:0', '--admin', 'off', '--require-upstream'];
  const child = await run(process.execPath, [weirEntry(), 'start', ...flags], { timeout: DEADLINE_MS }).catch(
    (error: unknown) => error as { readonly code: number; readonly stdout: string; readonly stderr: string },
  );
  const said = child.stdout + child.stderr;
  assert.equal('code' in child ? child.code : 0, 2, said);
  assert.doesNotMatch(said, /hunter2/);
  return said;
}

test('SCRAM in the clear, negotiated and spelt out', async () => {
  await withOwnServer(
    async (server) => {
      await createUser(server.uri, USER, PASSWORD);
      for (const mechanism of ['', 'authMechanism=SCRAM-SHA-256', 'authMechanism=SCRAM-SHA-1']) {
        const database = `login_${mechanism.replace(/\W/g, '_')}`;
        await withWeir(withUser(server.uri, PASSWORD, mechanism), async (weir) => work(weir, database));
      }
    },
    ['--auth'],
  );
});

/** Of all lanes; 0 where the metric is absent. */
function loginsFailed(metrics: string): number {
  const rows = metrics.matchAll(/^weir_upstream_closed_total\{[^}]*reason="login_failed"[^}]*\} (\d+)$/gm);
  return [...rows].reduce((sum, [, count]) => sum + Number(count), 0);
}

test('a wrong password is one sentence, and no storm', async () => {
  await withOwnServer(
    async (server) => {
      await createUser(server.uri, USER, PASSWORD);
      const wrong = withUser(server.uri, 'wrong-hunter2');
      const told = /cannot log in at 127\.0\.0\.1:\d+ \(the server refused the login: wrong user name or password/;
      assert.match(await failToStart(wrong), told);
      // Known before any application came.
      const refused = async (weir: Weir): Promise<void> => {
        assert.match(weir.log, /login at the server failed/);
        const client = new MongoClient(weir.uri, { serverSelectionTimeoutMS: 10_000 });
        try {
          await assert.rejects(client.db('shop').collection('orders').insertOne({ a: 1 }));
        } finally {
          await client.close();
        }
        const lines = weir.log.split('\n').filter((line) => line.includes('login at the server failed'));
        assert.equal(lines.length, 1, weir.log);
        assert.match(lines[0] ?? '', /wrong user name or password/);
        assert.doesNotMatch(weir.log, /hunter2/);
        const attempts = loginsFailed(await weir.metrics());
        assert.ok(attempts >= 1 && attempts <= 12, `${String(attempts)} attempts`);
      };
      await withWeir(wrong, refused, { readyz: /^weir's login is refused$/m });
    },
    ['--auth'],
  );
});

/** A certificate for this subject, signed by that authority, with its key in one file. */
async function signClient(
  folder: string,
  subject: string,
  authority: Pick<Certificate, 'certFile' | 'keyFile'>,
): Promise<string> {
  const [key, request] = [join(folder, 'client.key'), join(folder, 'client.csr')];
  const [cert, file] = [join(folder, 'client.pem'), join(folder, 'client-both.pem')];
  await run('openssl', [
    'req',
    '-new',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    key,
    '-out',
    request,
    '-subj',
    subject,
  ]);
  const names = join(folder, 'client.ext');
  await writeFile(names, 'subjectAltName=DNS:weir\n');
  const by = ['-CA', authority.certFile, '-CAkey', authority.keyFile, '-CAcreateserial'];
  const signed = [...by, '-days', '2', '-extfile', names];
  await run('openssl', ['x509', '-req', '-in', request, '-out', cert, ...signed]);
  await writeFile(file, `${await readFile(cert, 'utf8')}${await readFile(key, 'utf8')}`);
  return file;
}

/** The same name and key, out of date since yesterday. */
async function makeExpired(folder: string, keyFile: string): Promise<string> {
  const [request, cert, names] = [join(folder, 'old.csr'), join(folder, 'old.pem'), join(folder, 'old.ext')];
  await writeFile(names, 'subjectAltName=IP:127.0.0.1\n');
  await run('openssl', ['req', '-new', '-key', keyFile, '-out', request, '-subj', '/CN=127.0.0.1']);
  const signed = ['-signkey', keyFile, '-days', '-1', '-extfile', names];
  await run('openssl', ['x509', '-req', '-in', request, '-out', cert, ...signed]);
  return cert;
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-login-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const trust = (certFile: string): string => `tls=true&tlsCAFile=${encodeURIComponent(certFile)}`;

test('SCRAM over TLS; an unknown authority and an expired certificate are told apart', async () => {
  await inFolder(async (folder) => {
    const { certFile, keyFile } = await makeCertificate(folder);
    const trusting = trust(certFile);
    await withOwnServer(
      async (server) => {
        await createUser(server.uri, USER, PASSWORD, trusting);
        await withWeir(withUser(server.uri, PASSWORD, trusting), async (weir) => work(weir, 'login_tls'));
        assert.match(await failToStart(withUser(server.uri, PASSWORD, 'tls=true')), /name its file in tlsCAFile/);
      },
      ['--auth', '--tls-cert-file', certFile, '--tls-key-file', keyFile],
    );
    const expired = await makeExpired(folder, keyFile);
    await withOwnServer(
      async (server) => {
        assert.match(await failToStart(`${server.uri}/?${trust(expired)}`), /has expired: it must be renewed/);
      },
      ['--tls-cert-file', expired, '--tls-key-file', keyFile],
    );
  });
});

test('a server that does not speak TLS is told apart from one that is not there', async () => {
  await withOwnServer(async (server) => {
    const said = await failToStart(`${server.uri}/?tls=true`);
    assert.match(said, /does not speak TLS at this port|nothing came back yet: .* does it speak TLS at this port/);
  });
});

test('X.509: the certificate is the login, and a server that wants one says so', async () => {
  await inFolder(async (folder) => {
    const { certFile, keyFile } = await makeCertificate(folder);
    const certificate = await signClient(folder, '/OU=proxies/CN=weir', { certFile, keyFile });
    const showing = `${trust(certFile)}&tlsCertificateKeyFile=${encodeURIComponent(certificate)}`;
    const flags = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-file', certFile];
    await withOwnServer(
      async (server) => {
        await createUser(server.uri, USER, PASSWORD, showing);
        const root = new MongoClient(withUser(server.uri, PASSWORD, `directConnection=true&${showing}`));
        try {
          const roles = [{ role: 'root', db: 'admin' }];
          await root.db('$external').command({ createUser: 'CN=weir,OU=proxies', roles });
        } finally {
          await root.close();
        }
        const upstream = `${server.uri}/?${showing}&authMechanism=MONGODB-X509`;
        await withWeir(upstream, async (weir) => work(weir, 'login_x509'));
        assert.match(await failToStart(`${server.uri}/?${trust(certFile)}`), /tlsCertificateKeyFile/);
      },
      ['--auth', ...flags, '--tls-require-client-cert'],
    );
  });
});
