// Addresses as people write them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endpointText, hostText } from '../../../src/capture/endpoints.ts';

describe('hostText', () => {
  for (const [hex, text] of [
    ['0a000001', '10.0.0.1'],
    ['00000000000000000000000000000001', '::1'],
    ['00000000000000000000000000000000', '::'],
    ['20010db8000000000000000000000001', '2001:db8::1'],
    ['20010db8000000010000000000000001', '2001:db8:0:1::1'],
    ['20010db8000100020003000400050006', '2001:db8:1:2:3:4:5:6'],
    ['20010db8000000020003000400050006', '2001:db8:0:2:3:4:5:6'],
    ['fe800000000000000000000000000000', 'fe80::'],
    ['00000000000000000000ffff0a000001', '::ffff:10.0.0.1'],
  ] as const) {
    it(text, () => assert.equal(hostText(Buffer.from(hex, 'hex')), text));
  }

  it('a port behind it, with brackets where they are needed', () => {
    assert.equal(endpointText('10.0.0.1', 1), '10.0.0.1:1');
    assert.equal(endpointText('::1', 27_017), '[::1]:27017');
  });
});
