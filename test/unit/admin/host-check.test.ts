// Guards against DNS rebinding: which Host headers are answered.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAllowedHost, parseHost } from '../../../src/admin/host-check.ts';

test('a host is read without port, brackets, case and final dot', () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ['localhost', 'localhost'],
    ['LocalHost:9118', 'localhost'],
    ['localhost.:1', 'localhost'],
    ['127.0.0.1:9118', '127.0.0.1'],
    ['[::1]', '::1'],
    ['[FE80::1]:80', 'fe80::1'],
    ['', null],
    [':80', null],
    ['a b', null],
    ['user@localhost', null],
    ['localhost:99999999', null],
    ['[::1', null],
    ['::1', null],
    ['localhost/x', null],
  ];
  for (const [header, host] of cases) assert.equal(parseHost(header), host, header);
});

test('loopback and the bound host are answered, other names are not', () => {
  for (const host of ['localhost', '127.0.0.1:9118', '127.9.9.9', '[::1]:9118', 'weir.internal:9118']) {
    assert.ok(isAllowedHost(host, 'Weir.Internal'), host);
  }
  for (const host of [
    undefined,
    '',
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '10.0.0.1',
    '127.evil.example',
  ]) {
    assert.ok(!isAllowedHost(host, '127.0.0.1'), String(host));
  }
});

test('bound to all addresses, any address is answered but no name', () => {
  for (const bound of ['0.0.0.0', '::']) {
    assert.ok(isAllowedHost('10.1.2.3:9118', bound));
    assert.ok(isAllowedHost('[fd00::7]:9118', bound));
    assert.ok(!isAllowedHost('evil.example:9118', bound));
  }
});
