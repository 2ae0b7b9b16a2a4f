// Durations, sizes, rates and addresses, text by text.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Parsed } from '../../../src/config/parsed.ts';
import {
  formatHostPort,
  parseBind,
  parseBindOrOff,
  parseDuration,
  parseDurationOrZero,
  parseRate,
  parseSize,
} from '../../../src/config/quantities.ts';

function read<T>(result: Parsed<T>): T | 'wrong' {
  return result.ok ? result.value : 'wrong';
}

describe('parseDuration', () => {
  const cases: readonly (readonly [string, number | 'wrong'])[] = [
    ['250ms', 250],
    ['5s', 5000],
    ['5 s', 5000],
    ['1.5s', 1500],
    ['10m', 600_000],
    ['24h', 86_400_000],
    ['0s', 'wrong'],
    ['25h', 'wrong'],
    ['5', 'wrong'],
    ['-5s', 'wrong'],
    ['5 parsecs', 'wrong'],
    ['1y', 'wrong'],
    ['', 'wrong'],
    ['5s ', 'wrong'],
  ];
  for (const [text, expected] of cases) {
    it(`reads ${JSON.stringify(text)} as ${expected}`, () => assert.equal(read(parseDuration(text)), expected));
  }
  it('takes zero only where zero makes sense', () => {
    assert.deepEqual(
      ['0s', '0ms', '2s', '0'].map((text) => read(parseDurationOrZero(text))),
      [0, 0, 2000, 'wrong'],
    );
  });
});

describe('parseSize', () => {
  const cases: readonly (readonly [string, number | 'wrong'])[] = [
    ['16KB', 16_384],
    ['1MB', 1_048_576],
    ['1.5 MB', 1_572_864],
    ['1GB', 1_073_741_824],
    ['15KB', 'wrong'],
    ['2GB', 'wrong'],
    ['0KB', 'wrong'],
    ['-1MB', 'wrong'],
    ['1048576', 'wrong'],
    ['1mb', 'wrong'],
    ['1TB', 'wrong'],
    ['', 'wrong'],
  ];
  for (const [text, expected] of cases) {
    it(`reads ${JSON.stringify(text)} as ${expected}`, () => {
      assert.equal(read(parseSize(text, 16_384, 1_073_741_824)), expected);
    });
  }
  it('names the bounds', () => {
    const result = parseSize('2GB', 16_384, 1_073_741_824);
    assert.equal(result.ok ? '' : result.sentence, 'expected a size from 16KB to 1GB, found "2GB"');
  });
});

describe('parseRate', () => {
  const cases: readonly (readonly [string, number | 'wrong'])[] = [
    ['50/s', 50],
    ['3000/m', 50],
    ['3600/h', 1],
    ['0.5/s', 0.5],
    ['0/s', 'wrong'],
    ['10000001/s', 'wrong'],
    ['50', 'wrong'],
    ['50/d', 'wrong'],
    ['50/', 'wrong'],
    ['-1/s', 'wrong'],
    ['50 /s', 'wrong'],
    ['50/constructor', 'wrong'],
  ];
  for (const [text, expected] of cases) {
    it(`reads ${JSON.stringify(text)} as ${expected}`, () => assert.equal(read(parseRate(text)), expected));
  }
});

describe('parseBind', () => {
  const good: readonly (readonly [string, string, number])[] = [
    ['127.0.0.1:27018', '127.0.0.1', 27018],
    ['localhost:0', 'localhost', 0],
    ['[::1]:1', '::1', 1],
    ['[fe80::1%eth0]:1', 'fe80::1%eth0', 1],
    ['0.0.0.0:65535', '0.0.0.0', 65535],
  ];
  for (const [text, host, port] of good) {
    it(`reads ${text}, and writes it back`, () => {
      assert.deepEqual(parseBind(text), { ok: true, value: { host, port } });
      assert.equal(formatHostPort({ host, port }), text);
    });
  }
  for (const text of [
    '27018',
    ':27018',
    'host',
    'host:',
    'host:65536',
    '::1:27018',
    '[x]:1',
    '[]:1',
    'a b:1',
    'h:-1',
    'h:1x',
    '',
    'off',
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(read(parseBind(text)), 'wrong'));
  }
  it('says that unix sockets are not built', () => {
    for (const text of ['unix:/run/weir.sock', '/run/weir.sock']) {
      const result = parseBind(text);
      assert.match(result.ok ? '' : result.sentence, /^not built yet: unix sockets/);
    }
  });
  it('knows off only where off makes sense', () => assert.equal(read(parseBindOrOff('off')), null));
});
