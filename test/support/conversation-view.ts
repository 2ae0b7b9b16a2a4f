// What the readers see in a recorded conversation, one entry per message, with everything that is different at each
// recording (cursor ids, session ids) numbered in the order of its appearance.
// Does not judge it: the golden files do. Invariant: how the bytes are cut makes no difference to the view.

import {
  type CommandView,
  DecodeError,
  type Frame,
  Framer,
  opcodeName,
  type ReplyView,
  readAnyReply,
  readAnyRequest,
  readFlagBits,
} from '../../codecs/index.ts';
import { CallSites } from '../../src/filters/call-sites.ts';
import type { RecordedItem } from '../../src/recording/format.ts';

/** Cuts the bytes of one chunk; the whole chunk is one cut of itself. */
export type Cut = (bytes: Buffer) => readonly Buffer[];

export type MessageEntry = Record<string, unknown>;

const FLAGS: readonly (readonly [number, string])[] = [
  [1, 'checksumPresent'],
  [2, 'moreToCome'],
  [0x10000, 'exhaustAllowed'],
];

/** The entries of a conversation whose chunks come cut like this. */
export function viewConversation(items: Iterable<RecordedItem>, cut: Cut): MessageEntry[] {
  const view = new ConversationView();
  for (const item of items) {
    if (item.kind !== 'chunk') continue;
    for (const piece of cut(item.bytes)) view.push(item.connection, item.from, piece);
  }
  return view.entries;
}

class ConversationView {
  readonly entries: MessageEntry[] = [];
  readonly #framers: Map<string, Framer> = new Map();
  /** Where the request with this connection and id is among the entries. */
  readonly #requests: Map<string, number> = new Map();
  readonly #cursors: Map<string, string> = new Map();
  readonly #sessions: Map<string, string> = new Map();
  readonly #callSites: CallSites = new CallSites();

  push(connection: number, from: 'client' | 'server', piece: Buffer): void {
    const key = `${connection} ${from}`;
    let framer = this.#framers.get(key);
    if (framer === undefined) {
      framer = new Framer({ onFrame: (frame) => this.#add(connection, from, frame) });
      this.#framers.set(key, framer);
    }
    framer.push(piece);
  }

  #add(connection: number, from: 'client' | 'server', frame: Frame): void {
    const bits = readFlagBits(frame);
    const flags = FLAGS.filter(([bit]) => (bits & bit) !== 0).map(([, name]) => name);
    const head = { connection, from, opcode: opcodeName(frame.opcode), id: frame.requestId, bytes: frame.length };
    const entry = { ...head, ...(flags.length > 0 ? { flags } : {}), ...this.#read(connection, from, frame) };
    this.entries.push(withoutEmpty(entry));
  }

  #read(connection: number, from: 'client' | 'server', frame: Frame): MessageEntry {
    try {
      if (from === 'server') return this.#reply(connection, frame, readAnyReply(frame));
      this.#requests.set(`${connection} ${frame.requestId}`, this.entries.length);
      return this.#request(readAnyRequest(frame));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return { refused: error.reason };
    }
  }

  #request(view: CommandView): MessageEntry {
    return {
      command: view.name,
      db: view.database,
      collection: view.collection,
      callSite: this.#callSites.of(view),
      session: view.hasLsid ? numbered(this.#sessions, view.lsidKey, 'session') : '',
      transaction: transactionOf(view),
      txnNumber: view.hasTxnNumber ? Number(view.txnNumber) : 0,
      cursor: this.#cursor(view.cursorId),
      cursors: view.cursorIds.map((id) => this.#cursor(id)),
      statements: view.statementCount,
      queryKind: view.queryKind === 'none' ? '' : view.queryKind,
      readPreference: view.readPreferenceMode,
      alsoUses: view.mayUseMore
        ? view
            .namespaces()
            .filter(({ role }) => role !== 'primary')
            .map(({ database, collection, role }) => `${role} ${database}.${collection}`)
        : [],
    };
  }

  #reply(connection: number, frame: Frame, view: ReplyView): MessageEntry {
    return {
      answers: this.#requests.get(`${connection} ${frame.responseTo}`) ?? 'nothing recorded',
      ok: view.ok,
      code: view.code,
      codeName: view.codeName,
      cursor: this.#cursor(view.cursorId),
      namespace: view.cursorNamespace,
      documents: view.batchCount,
      n: view.n,
      nModified: view.nModified,
      upserted: view.upsertedCount,
      writeErrors: view.writeErrorCount,
      firstWriteErrorCode: view.firstWriteErrorCode,
    };
  }

  #cursor(id: bigint): string {
    return id === 0n ? '' : numbered(this.#cursors, String(id), 'cursor');
  }
}

function transactionOf(view: CommandView): string {
  if (view.startTransaction) return 'starts';
  return view.autocommitFalse ? 'goes on' : '';
}

function numbered(names: Map<string, string>, key: string, word: string): string {
  const known = names.get(key) ?? `${word} ${names.size + 1}`;
  names.set(key, known);
  return known;
}

/** Without what says nothing: empty texts and lists, zeros, no call site. `ok` stays whatever it is. */
function withoutEmpty(entry: MessageEntry): MessageEntry {
  const says = (key: string, value: unknown): boolean =>
    key === 'ok' || key === 'answers' || !(value === '' || value === 0 || value === '-' || isEmptyList(value));
  return Object.fromEntries(Object.entries(entry).filter(([key, value]) => says(key, value)));
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
