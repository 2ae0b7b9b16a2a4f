// Charges an operation to a row of the operation table: listener, application, call site, namespace, command.
// The collections a command names beside its own are counted in the namespace table.
// It refuses nothing. Invariant: every operation, those answered here included, is in exactly one row.

import type { CommandView } from '../../codecs/index.ts';
import type { Client } from '../core/client.ts';
import type { Operation } from '../core/operation.ts';
import type { OperationTable } from '../stats/operation-table.ts';
import type { CallSites } from './call-sites.ts';

/** The call site that opened the cursor which a getMore or killCursors names; null for anything else. */
export type OriginCallSite = (client: Client, command: CommandView) => string | null;

export class Attribution {
  readonly #table: OperationTable;
  readonly #callSites: CallSites;

  constructor(table: OperationTable, callSites: CallSites) {
    this.#table = table;
    this.#callSites = callSites;
  }

  /** Sets the operation's call site and opens its record. */
  begin(operation: Operation, originCallSite: OriginCallSite): void {
    this.nameCallSite(operation, originCallSite);
    this.open(operation);
  }

  /** Sets the call site alone: for those who decide by it whether the operation is counted. */
  nameCallSite(operation: Operation, originCallSite: OriginCallSite): void {
    const { command, client } = operation;
    operation.callSite = originCallSite(client, command) ?? this.#callSites.of(command);
  }

  /** Opens the record of an operation whose call site is known. */
  open(operation: Operation): void {
    const { command, client } = operation;
    const { namespaceDatabase, collection, name } = command;
    const record = this.#table.row(
      client.listener,
      client.app,
      operation.callSite,
      namespaceDatabase,
      collection,
      name,
    );
    operation.record = record;
    record.begin(command.queryKind, command.statementCount);
    if (command.mayUseMore) this.#table.namespaces.countFurther(name, command.namespaces());
  }
}
