// Commands and operations for the tests of the filters, made by encoding real messages and reading them back.
// It asserts nothing. Invariant: what a test sees went through the same codecs as production's bytes.

import { type CommandView, encodeMessage, Frame, readCommand } from '../../../codecs/index.ts';
import { type Client, Peer } from '../../../src/core/client.ts';
import { Operation } from '../../../src/core/operation.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** The view of an OP_MSG; `$db` is `shop` unless given. */
export function commandOf(fields: Fields): CommandView {
  return readCommand(Frame.of(encodeMessage({ ...fields, $db: fields['$db'] ?? 'shop' }, 7, 0)));
}

/** A find with this comment. */
export function findWith(comment: unknown): CommandView {
  return commandOf({ find: 'orders', comment });
}

export interface OperationFields {
  readonly app?: string;
  readonly callSite?: string;
  readonly command?: Fields;
}

function clientOf(app: string): Client {
  return { id: 1, listener: 'main', peer: new Peer('peer'), app, understandsBackoff: true, isClosed: false };
}

/** An operation as attribution leaves it; a find on shop.orders by default. */
export function operationOf(fields: OperationFields = {}, arrivedMs = 0): Operation {
  const command = commandOf(fields.command ?? { find: 'orders' });
  const operation = new Operation(clientOf(fields.app ?? 'checkout'), command, arrivedMs, { onFinish: () => {} });
  operation.callSite = fields.callSite ?? 'orders.ts:118';
  return operation;
}
