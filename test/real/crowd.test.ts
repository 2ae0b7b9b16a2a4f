// Hundreds of driver clients in four languages at once through one weir with eight connections to the server, while fifty
// change streams are open; the same with weir logged in over TLS. What must be true of it: harness/crowd.ts.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeCertificate } from './harness/certificate.ts';
import { assertCrowd } from './harness/crowd.ts';
import { createUser, withOwnServer, withServer } from './harness/server.ts';
import { withWeir } from './harness/weir.ts';

const USER = 'ada';
/** In each of four languages, so 500 in all. */
const CROWD = { clientsEach: 125, streams: 50 } as const;
/** Each client has a collection of its own, and about 45 rows for it. */
const SETUP = { maxRows: 100_000 } as const;
const PASSWORD = 'a password of this test only: @/?';

test('500 clients and 50 change streams at once get the direct results on 8 connections', async (context) => {
  await withServer(async ({ uri, port }) => {
    await withWeir(
      uri,
      async (weir) => {
        await assertCrowd(context, weir, { directUri: uri, serverPort: port, ...CROWD });
      },
      SETUP,
    );
  });
});

test('the same with weir logged in over TLS', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'weir-crowd-'));
  try {
    const { certFile, keyFile } = await makeCertificate(folder);
    const flags = ['--auth', '--tls-cert-file', certFile, '--tls-key-file', keyFile];
    await withOwnServer(async ({ port }) => {
      const tls = `tls=true&tlsCAFile=${encodeURIComponent(certFile)}`;
      const host = `127.0.0.1:${String(port)}`;
      await createUser(`mongodb://${host}`, USER, PASSWORD, tls);
      const login = `${USER}:${encodeURIComponent(PASSWORD)}`;
      const uri = `mongodb://${login}@${host}/?authSource=admin&${tls}`;
      await withWeir(
        uri,
        async (weir) => {
          await assertCrowd(context, weir, { directUri: uri, serverPort: port, ...CROWD });
          assert.ok(!weir.log.includes(PASSWORD) && !weir.log.includes(login));
        },
        SETUP,
      );
    }, flags);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
