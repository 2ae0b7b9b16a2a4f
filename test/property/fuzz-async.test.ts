// Inflation off the event loop gives what inflation on it gives, for well-formed, malformed and damaged messages.
// Does not test what that is: the target `inflate` of fuzz.test.ts does. A failure prints its seed.
// Invariant: `done` is called exactly once for each message, and the input is not changed meanwhile.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DecodeError, Frame, inflate, inflateAsync } from '../../codecs/index.ts';
import { loadCorpus } from '../fuzz/corpus.ts';
import { mutate } from '../fuzz/mutate.ts';
import { Random } from '../fuzz/random.ts';
import { compressedMessages } from '../fuzz/targets/compressed.ts';

const DAMAGED = 500;
const OP_COMPRESSED = 2012;

function inflateNow(input: Buffer): string {
  try {
    return inflate(Frame.of(Buffer.from(input))).bytes.toString('hex');
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error));
    return error.reason;
  }
}

async function inflateLater(input: Buffer): Promise<string> {
  const before = Buffer.from(input);
  let calls = 0;
  const result = await new Promise<string>((resolve) => {
    inflateAsync(Frame.of(input), (error, inner) => {
      calls++;
      resolve(inner?.bytes.toString('hex') ?? error?.reason ?? 'neither');
    });
  });
  // Whoever calls twice does it at once or in the turn after.
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(calls, 1);
  assert.ok(input.equals(before), 'the input was changed');
  return result;
}

/** A stream that breaks and is too long: which is met first depends on the pieces in which the library works. */
function blurred(result: string): string {
  return result === 'bad_compressed_size' ? 'inflate_failed' : result;
}

test('inflating later is inflating now', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = new Random(seed);
  const seeds = compressedMessages(loadCorpus());
  const damaged = Array.from({ length: DAMAGED }, () => mutate(random.pick(seeds), random, seeds));
  const inputs = [...seeds, ...damaged].filter(({ length }) => length >= 16);
  for (const input of inputs) {
    input.writeInt32LE(input.length, 0);
    input.writeInt32LE(OP_COMPRESSED, 12);
  }
  const later = await Promise.all(inputs.map(async (input) => inflateLater(Buffer.from(input))));
  inputs.forEach((input, index) => {
    assert.equal(
      blurred(later[index] ?? ''),
      blurred(inflateNow(input)),
      `seed ${String(seed)}: ${input.toString('hex')}`,
    );
  });
  assert.ok(later.some((result) => result.length > 40) && later.includes('inflate_failed'));
});
