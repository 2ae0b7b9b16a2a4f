// Clients that ask at once, each question with a number of its own that the server must give back: what tests of a broken
// network start from. Invariant: an answer is its client's own, or an error that weir made, and nothing else passes.

import assert from 'node:assert/strict';
import type { BsonDocument } from '../../../codecs/index.ts';
import type { RawRequest } from '../../support/raw-server.ts';
import type { RawClient } from './raw-client.ts';

/** Gives a question's number back. */
export function echo(request: RawRequest): void {
  request.reply({ number: request.document['number'] as unknown });
}

export interface CrowdSums {
  answered: number;
  /** Errors by code, labels behind it. */
  readonly errors: Record<string, number>;
}

/** Every client asks so often, one question after the other, all clients at once. */
export async function askAll(clients: readonly RawClient[], times: number): Promise<CrowdSums> {
  const sums: CrowdSums = { answered: 0, errors: {} };
  const ask = async (client: RawClient, index: number): Promise<void> => {
    for (let time = 0; time < times; time++) {
      const number = index * times + time;
      count(sums, await client.ask({ find: 'orders', number }), number);
    }
  };
  await Promise.all(clients.map(ask));
  return sums;
}

function count(sums: CrowdSums, answer: BsonDocument, number: number): void {
  if (answer['ok'] === 1) {
    assert.equal(answer['number'], number, 'the answer to another question');
    sums.answered++;
    return;
  }
  assert.equal(answer['number'], undefined, 'an error of weir with somebody’s answer in it');
  const key = [answer['code'], ...((answer['errorLabels'] as string[] | undefined) ?? [])].join(' ');
  sums.errors[key] = (sums.errors[key] ?? 0) + 1;
}
