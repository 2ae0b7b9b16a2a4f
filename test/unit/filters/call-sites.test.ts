// Every notation of a comment, as tables of real frames and the label they must give; then hostile bytes.
// The scanners' own limits are in json-scan.test.ts. Invariant: each table case is read twice, the second time cached.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type CommandView, Frame, ObjectId, readCommand } from '../../../codecs/index.ts';
import { CallSites } from '../../../src/filters/call-sites.ts';
import { commandOf, type Fields, findWith } from './commands.ts';

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const DATADOG = `dddb='shop',dddbs='mongo',dde='prod',ddh='db-1',ddps='checkout',ddpv='1.2',traceparent='${TRACE}'`;

type Case = readonly [name: string, comment: unknown, callSite: string];

function check(cases: readonly Case[]): void {
  for (const [name, comment, callSite] of cases) {
    it(name, () => {
      const callSites = new CallSites();
      assert.equal(callSites.of(findWith(comment)), callSite);
      assert.equal(callSites.of(findWith(comment)), callSite, 'the second time, from the cache');
    });
  }
}

describe('call site of a plain text', () => {
  check([
    ['the text itself', 'orders.go:118', 'orders.go:118'],
    ['white space around it', '  orders.go:118 \n', 'orders.go:118'],
    ['empty', '', '-'],
    ['only white space', ' \t\n', '-'],
    ['beyond ASCII', 'größe.ts:4 → 日本', 'größe.ts:4 → 日本'],
    ['control characters', 'a\u0000b\u001b[31m', 'a\ufffdb\ufffd[31m'],
    ['longer than a label', 'x'.repeat(5000), `${'x'.repeat(119)}…`],
    ['exactly a label', 'x'.repeat(120), 'x'.repeat(120)],
    ['longer than a label, four bytes a character', '😀'.repeat(3000), `${'😀'.repeat(59)}\ufffd…`],
    ['longer than a label, three bytes a character', '日'.repeat(3000), `${'日'.repeat(119)}…`],
    ['an equals sign and apostrophes that are no list', "find where name = 'x'", "find where name = 'x'"],
    ['a word in front of an equals sign', "where state='open'", "where state='open'"],
    ['an apostrophe at the start', "='x'", "='x'"],
    ['an array in text', '[1,2]', '[1,2]'],
    ['a brace that opens no JSON', '{orders} list', '{orders} list'],
  ]);
});

describe('call site of a JSON text', () => {
  check([
    [
      "Lyft's form",
      '{"callingFunction":"UserService.get","hostname":"web-12","httpUniqueId":"8a6d"}',
      'UserService.get',
    ],
    [
      'with spaces, as Python writes',
      '{"hostname": "web-12", "callingFunction": "UserService.get"}',
      'UserService.get',
    ],
    ['spread over lines', ' {\n  "callingFunction" : "a.b",\n  "n": 1\n}\n', 'a.b'],
    ['callsite', '{"id":"1","callsite":"a.ts:1"}', 'a.ts:1'],
    ['callSite', '{"id":"1","callSite":"a.ts:1"}', 'a.ts:1'],
    ['text', '{"traceparent":"x","text":"list orders"}', 'list orders'],
    ['the best key wins, not the first', '{"text":"t","callSite":"c","callsite":"d","callingFunction":"e"}', 'e'],
    ['the best of two', '{"text":"t","callSite":"c"}', 'c'],
    ['an empty value is none', '{"callingFunction":"","callsite":"c"}', 'c'],
    ['values that are no text', '{"callingFunction":7,"callsite":null,"callSite":true,"text":"t"}', 't'],
    ['a nested value is hopped over', '{"a":{"callingFunction":"no","b":["}]",{}]},"callingFunction":"yes"}', 'yes'],
    ['only nested', '{"a":{"callingFunction":"no"}}', '-'],
    ['no known key', '{"hostname":"web-12","id":"8a6d"}', '-'],
    ['an empty object', '{}', '-'],
    ['keys of lists are ordinary words here', '{"action":"a","route":"r"}', '-'],
    ['an escape in the value', '{"callingFunction":"a\\"b\\u00e4\\\\"}', 'a"bä\\'],
    ['an escape in another value', '{"id":"\\"callsite\\":\\"no\\"","callsite":"yes"}', 'yes'],
    ['an escape in a key', '{"calling\\u0046unction":"a.b","id":1}', 'a.b'],
    ['half a surrogate pair', '{"callingFunction":"a\\ud800b"}', 'a\ufffdb'],
    ['beyond ASCII', '{"callingFunction":"größe"}', 'größe'],
    ['beyond the scan, within the parse', `{"id":"${'x'.repeat(2000)}","callsite":"c"}`, 'c'],
    ['beyond both', `{"id":"${'x'.repeat(9000)}","callsite":"c"}`, '-'],
    ['cut behind the call site', '{"callingFunction":"a.b","hostname":"we', 'a.b'],
    ['cut before the call site: a text', '{"hostname":"web', '{"hostname":"web'],
    ["with Datadog's list behind it", `{"callingFunction":"a.b","id":1},${DATADOG}`, 'a.b'],
    ["parsed whole, with Datadog's list behind it", `{"\\u0069d":1,"callsite":"c"},${DATADOG}`, 'c'],
    ['numbers of all kinds', '{"a":-1.5e+3,"b":0,"c":false,"callsite":"c"}', 'c'],
    ['a trap for prototypes', '{"__proto__":{"callsite":"no"},"hasOwnProperty":1}', '-'],
    ['a long value', `{"callingFunction":"${'y'.repeat(3000)}"}`, `${'y'.repeat(119)}…`],
  ]);
});

describe('call site of a list', () => {
  check([
    ['callsite', "callsite='a.ts:1',db_driver='mongodb'", 'a.ts:1'],
    ['callingFunction over all', "callsite='c',callingFunction='f'", 'f'],
    ['route over controller and action', "action='show',controller='users',route='/users/:id'", '/users/:id'],
    ['controller and action', "controller='users',x='1',action='show'", 'users#show'],
    ['action and controller', "action='show',controller='users'", 'users#show'],
    ['action alone', "action='show',framework='rails'", 'show'],
    ['controller alone', "controller='users'", 'users'],
    ['URL-encoded', "route='%2Fusers%2F%C3%A4%20b',traceparent='x'", '/users/ä b'],
    ['a broken escape stays', "route='100%,%zz%4'", '100%,%zz%4'],
    ['half a sequence', "route='a%C3'", 'a\ufffd'],
    ['an escaped apostrophe', "route='it\\'s',action='x'", "it's"],
    ['spaces between', "db_driver='m', route='r'", 'r'],
    ['wrapped as SQL comments are', "/*action='show',route='r'*/", 'r'],
    ["Datadog's keys: the calling service", DATADOG, 'checkout'],
    ['sqlcommenter: the application, for want of better', "application='shop',traceparent='x'", 'shop'],
    ['nothing but a trace', `traceparent='${TRACE}',tracestate='a'`, '-'],
    ["a text with Datadog's list behind it", `orders.go:118,${DATADOG}`, 'orders.go:118'],
    ['a text with commas and a list', `a, b,c,${DATADOG}`, 'a, b,c'],
    ['only a comma in front of the list', `,${DATADOG}`, 'checkout'],
    ['an empty value is none', "callsite='',route='r'", 'r'],
    ['cut in a value', "route='/use", '/use'],
    ['cut behind a key', "route='r',act", 'r'],
  ]);
});

describe('call site of a document', () => {
  check([
    ['callingFunction', { callingFunction: 'f', id: 'x' }, 'f'],
    ['the best key wins, not the first', { text: 't', callSite: 'c', callsite: 'd', callingFunction: 'e' }, 'e'],
    ["OpenTelemetry's with text", { traceparent: TRACE, text: 'list orders' }, 'list orders'],
    ['its text is read as a text', { traceparent: TRACE, text: "route='r',action='a'" }, 'r'],
    ['nothing but a traceparent', { traceparent: TRACE }, '-'],
    ['values that are no text', { callingFunction: 1, callsite: { a: 1 }, text: 't' }, 't'],
    ['an empty value is none', { callingFunction: '', callsite: 'c' }, 'c'],
    ['empty', {}, '-'],
    ['control characters', { callsite: 'a\nb' }, 'a\ufffdb'],
    [
      'an array: the first element that has one',
      [{ traceparent: TRACE }, 7, 'orders.go:118', DATADOG],
      'orders.go:118',
    ],
    ["an array with only Datadog's", [DATADOG], 'checkout'],
    ['an array in an array', [['a']], '-'],
    ['a number', 7, '-'],
    ['an ObjectId', new ObjectId('64b7f0f0f0f0f0f0f0f0f0f0'), '-'],
    ['true', true, '-'],
    ['null', null, '-'],
  ]);
});

describe('where a comment may stand', () => {
  const cases: readonly (readonly [string, Fields, string])[] = [
    ['nowhere', { find: 'orders' }, '-'],
    ['at the top of any command', { insert: 'orders', comment: 'a', documents: [{ a: 1 }] }, 'a'],
    ['in a filter', { find: 'orders', filter: { a: 1, $comment: 'a' } }, 'a'],
    ['in a query', { count: 'orders', query: { $comment: '{"callsite":"a"}' } }, 'a'],
    ['in the first update', { update: 'orders', updates: [{ q: { $comment: 'a' }, u: { $set: { b: 1 } } }] }, 'a'],
    ['in $match', { aggregate: 'orders', pipeline: [{ $match: { $comment: "callsite='a'" } }], cursor: {} }, 'a'],
    ['the top wins over the filter', { find: 'orders', comment: 'a', filter: { $comment: 'b' } }, 'a'],
  ];
  for (const [name, command, callSite] of cases) {
    it(name, () => assert.equal(new CallSites().of(commandOf(command)), callSite));
  }
});

describe('what is remembered', () => {
  it('makes no string for a call site that it knows, whatever the request id', () => {
    const callSites = new CallSites();
    const comment = (id: string): string => `{"callingFunction":"UserService.get","httpUniqueId":"${id}"}`;
    assert.equal(callSites.of(findWith(comment('1'))), 'UserService.get');
    for (const known of [comment('2'), 'UserService.get', "callsite='UserService.get'"]) {
      assert.equal(callSites.of(withoutToString(findWith(known))), 'UserService.get');
    }
    assert.throws(() => callSites.of(withoutToString(findWith('another'))), /made a string/);
  });

  it('tells apart the same bytes in different notations', () => {
    const callSites = new CallSites();
    assert.equal(callSites.of(findWith("route='%41b'")), 'Ab');
    assert.equal(callSites.of(findWith('%41b')), '%41b');
    assert.equal(callSites.of(findWith("route='%41b'")), 'Ab');
  });

  it('gives every label beyond its bound too', () => {
    const callSites = new CallSites({ maxCached: 3 });
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 50; i++) assert.equal(callSites.of(findWith(`site ${i}`)), `site ${i}`);
    }
  });
});

describe('hostile comments', () => {
  const callSites = new CallSites({ maxCached: 16 });

  it('agrees with a full parse on flat JSON objects', () => {
    const keys = fc.constantFrom('callingFunction', 'callsite', 'callSite', 'text', 'id', 'tÄxt', 'a"b');
    const values = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
    );
    fc.assert(
      fc.property(fc.dictionary(keys, values), fc.boolean(), (document, isSpaced) => {
        const expected = ['callingFunction', 'callsite', 'callSite', 'text']
          .map((key) => document[key])
          .find((value) => typeof value === 'string' && value !== '');
        const whole = new CallSites();
        const text = JSON.stringify(document, null, isSpaced ? 1 : 0);
        assert.equal(whole.of(findWith(text)), whole.of(findWith({ callsite: expected ?? 7 })));
      }),
      { interruptAfterTimeLimit: 2000, markInterruptAsFailure: false },
    );
  });

  it('never throws, and every label is short and printable', () => {
    const notation = fc.constantFrom(
      '{"',
      '"',
      '\\',
      ':',
      ',',
      '}',
      "='",
      "'",
      '%4',
      'callsite',
      'text',
      '/*',
      '\ud800',
    );
    const text = fc
      .array(fc.oneof(notation, fc.string({ maxLength: 5 })), { maxLength: 30 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (comment) => {
        const label = callSites.of(findWith(comment));
        assert.ok(label.length > 0 && label.length <= 120);
        assert.doesNotMatch(label, /[\p{Cc}\p{Cs}]/u);
      }),
      { interruptAfterTimeLimit: 2000, markInterruptAsFailure: false },
    );
  });

  it('never throws on any byte changed in a comment', () => {
    for (const comment of [{ a: { b: 1 }, callsite: 'c' }, ['a', { text: 'b' }], '{"a":[1],"callsite":"c\\n"}']) {
      const { frame, commentStart, commentEnd } = findWith(comment);
      for (let at = commentStart; at < commentEnd; at++) {
        for (const byte of [0, 0x22, 0x5c, 0x7b, 0x80, 0xff]) {
          const bytes = Buffer.from(frame.bytes);
          bytes[at] = byte;
          const command = readOrNull(bytes);
          if (command !== null) assert.equal(typeof callSites.of(command), 'string');
        }
      }
    }
  });

  it('reads nothing behind the comment', () => {
    const command = findWith('{"id":"x');
    const { bytes } = command.frame;
    bytes.fill('"callsite":"no"}', command.commentEnd - 1);
    assert.equal(callSites.of(command), '{"id":"x');
  });
});

/** The same view, over bytes that refuse to become strings. */
function withoutToString(command: CommandView): CommandView {
  command.frame.bytes.toString = () => {
    throw new Error('made a string');
  };
  return command;
}

/** The reader may refuse the bytes by itself. */
function readOrNull(bytes: Buffer): CommandView | null {
  try {
    return readCommand(Frame.of(bytes));
  } catch {
    return null;
  }
}
