// What stays of a comment in each of its notations.
// Does not look at other fields. Invariant: the values of call-site keys stay, and nothing else of a structured comment.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { COMMENT_DOCUMENT_KEYS, COMMENT_LIST_KEYS } from '../../../codecs/redact-comment.ts';
import { DOCUMENT_KEYS, KEY_RANK } from '../../../src/filters/call-site-keys.ts';
import { request } from './redaction.ts';

describe('comments', () => {
  const cases: readonly (readonly [unknown, unknown])[] = [
    ['orders.ts:42 listOrders', 'orders.ts:42 listOrders'],
    ['{"callingFunction":"a.b","user":"bob","n":12.5}', '{"callingFunction":"a.b","user":"xxx","n":11.1}'],
    ['{"user":{"callsite":"bob"},"callsite":"a"}', '{"user":{"callsite":"xxx"},"callsite":"a"}'],
    ['{"user":"a\\"b","ok":true, "ids":["1"]', '{"user":"xxxx","ok":true, "ids":["x"]'],
    ['{bob 12', '{xxx 11'],
    ['{"user":"bob', '{"user":"xxx'],
    ["list /*route='/a',traceparent='00-1'*/", "list /*route='/a',traceparent='xxxx'*/"],
    ['{"text":"a"} /*user=\'bob\', action=\'b\'*/', '{"text":"a"} /*user=\'xxx\', action=\'b\'*/'],
    ["user='bob", "user='xxx"],
    [
      { callsite: 'a', user: 'bob', n: 7, deep: { callsite: 'b' } },
      { callsite: 'a', user: 'xxx', n: 0, deep: { callsite: 'x' } },
    ],
    [
      ['a.ts:1', { user: 'bob' }, 5],
      ['a.ts:1', { user: 'xxx' }, 0],
    ],
    [5, 0],
    ['', ''],
  ];
  for (const [comment, expected] of cases) {
    test(JSON.stringify(comment), () => {
      assert.deepEqual(request({ ping: 1, comment, $db: 'd' })['comment'], expected);
      const filtered = request({ find: 'c', filter: { $comment: comment, a: 'b' }, $db: 'd' });
      assert.deepEqual(filtered['filter'], { $comment: expected, a: 'x' });
    });
  }

  test('the keys are those of the call sites', () => {
    assert.deepEqual(COMMENT_DOCUMENT_KEYS, DOCUMENT_KEYS);
    assert.deepEqual([...COMMENT_LIST_KEYS].sort(), Object.keys(KEY_RANK).sort());
  });
});
