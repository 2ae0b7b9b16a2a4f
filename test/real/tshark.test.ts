// tshark as judge: on a capture of real drivers, weir's readers see the messages that Wireshark's dissector sees.
// It compares header fields of all messages, and of commands the name and namespace; values are others' business.
// Invariant: the two readings share no code, and every message is compared, in order, per connection and direction.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type CommandView, Framer, readAnyReply, readAnyRequest } from '../../codecs/index.ts';
import { CaptureDecoder } from '../../src/capture/capture-decoder.ts';
import type { OpenConversation } from '../../src/capture/recogniser.ts';
import { Tally } from '../../src/core/tally.ts';
import { Attribution } from '../../src/filters/attribution.ts';
import { CallSites } from '../../src/filters/call-sites.ts';
import { Sniffer } from '../../src/sniff/sniffer.ts';
import { OperationTable } from '../../src/stats/operation-table.ts';
import { type DissectedMessage, dissect } from './harness/dissection.ts';
import { Program, reportsOf, SCRIPT_LANGUAGES } from './harness/programs.ts';
import { withOwnServer } from './harness/server.ts';
import { isLast, withCapture } from './harness/wire-capture.ts';

const CLIENTS = 2;

/** What both sides say of a message; the key of the stream is `client port, direction`. */
interface Seen {
  readonly length: number;
  readonly requestId: number;
  readonly responseTo: number;
  readonly opcode: number;
  /** `command database.collection` of a request, '' of a reply. */
  readonly command: string;
}

type Streams = Map<string, Seen[]>;

function add(streams: Streams, key: string, seen: Seen): void {
  const known = streams.get(key);
  if (known === undefined) streams.set(key, [seen]);
  else known.push(seen);
}

const header = ({ length, requestId, responseTo, opcode }: Omit<Seen, 'command'>): Omit<Seen, 'command'> => ({
  length,
  requestId,
  responseTo,
  opcode,
});

const nameOf = ({ name, database, collection }: Pick<CommandView, 'name' | 'database' | 'collection'>): string =>
  `${name} ${database}.${collection}`;

/** Runs a capture through weir's reader of packets and streams. */
function readCapture(file: string, open: OpenConversation): CaptureDecoder {
  const decoder = new CaptureDecoder({ open });
  const bytes = readFileSync(file);
  const reader = decoder.openFile(bytes);
  assert.equal(reader.read(bytes, 0, bytes.length), bytes.length, 'the capture ends with a whole record');
  decoder.finish();
  return decoder;
}

/** The capture as weir reads it: packets, TCP streams, frames, commands. */
function readByWeir(file: string): { readonly streams: Streams; readonly decoder: CaptureDecoder } {
  const streams: Streams = new Map();
  const decoder = readCapture(file, ({ clientPort }) => {
    const requests = new Framer({
      onFrame: (frame) => {
        add(streams, `${String(clientPort)} request`, { ...header(frame), command: nameOf(readAnyRequest(frame)) });
      },
    });
    const replies = new Framer({
      onFrame: (frame) => {
        readAnyReply(frame);
        add(streams, `${String(clientPort)} reply`, { ...header(frame), command: '' });
      },
    });
    return {
      // A chunk is the reader's window, valid during the call only; a framer keeps what it needs.
      clientBytes: (chunk) => requests.push(Buffer.from(chunk)),
      serverBytes: (chunk) => replies.push(Buffer.from(chunk)),
      clientGap: () => assert.fail('bytes of a client are missing'),
      serverGap: () => assert.fail('bytes of the server are missing'),
      end: () => undefined,
    };
  });
  return { streams, decoder };
}

/** The command's name and namespace by the wire rules for the commands that the drivers' scripts send. */
function describeByRules({ elements, fullCollectionName }: DissectedMessage): string {
  const first = elements[0];
  const textOf = (wanted: string): string => elements.find(({ name }) => name === wanted)?.text ?? '';
  const collection = first?.name === 'getMore' ? textOf('collection') : (first?.text ?? '');
  const database = fullCollectionName === '' ? textOf('$db') : fullCollectionName.split('.', 1).join('');
  return `${first?.name ?? ''} ${database}.${collection}`;
}

function readByTshark(file: string, port: number): Streams {
  const streams: Streams = new Map();
  for (const message of dissect(file, port)) {
    assert.equal(message.isMalformed, false, `tshark calls ${JSON.stringify(message)} malformed`);
    const isRequest = message.targetPort === port;
    const key = isRequest ? `${String(message.sourcePort)} request` : `${String(message.targetPort)} reply`;
    const command = isRequest ? describeByRules(message) : '';
    add(streams, key, { ...header(message), command });
  }
  return streams;
}

/** What `weir decode` counts: operations by command and namespace, read by the sniffer. */
function countBySniffer(file: string): Map<string, number> {
  const counts = new Map<string, number>();
  const table = new OperationTable({ maxRows: 10_000 });
  const decodeErrors = new Tally<string>();
  const sniffer = new Sniffer({
    attribution: new Attribution(table, new CallSites()),
    decodeErrors,
    ended: new Tally(),
    inflatesAtOnce: true,
    events: { onFinished: ({ command }) => addOne(counts, nameOf(command)) },
  });
  readCapture(file, ({ clientHost: address, clientPort: port, serverHost, serverPort }) =>
    sniffer.open({ listener: 'capture', address, port, server: `${serverHost}:${String(serverPort)}` }),
  );
  assert.deepEqual([...decodeErrors.counts], [], 'everything was understood');
  assert.equal(table.totals.active, 0);
  return counts;
}

function addOne(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

const sorted = (counts: Map<string, number>): readonly (readonly [string, number])[] =>
  [...counts].sort(([a], [b]) => (a < b ? -1 : 1));

/** Requests by command and namespace. */
function countRequests(streams: Streams): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { command } of [...streams.values()].flat()) {
    if (command !== '') addOne(counts, command);
  }
  return counts;
}

for (const language of SCRIPT_LANGUAGES) {
  test(`weir and tshark see the same messages (${language})`, async () => {
    await withOwnServer(async ({ uri, port }) => {
      const run = async (): Promise<void> => {
        await reportsOf([
          new Program(language, { uri, app: `wire-${language}`, scenario: 'script', clients: CLIENTS }),
        ]);
      };
      await withCapture(port, run, async (file) => {
        const { streams, decoder } = readByWeir(file);
        const dissected = readByTshark(file, port);
        const messages = [...dissected.values()].flat();
        assert.ok(messages.length > 100 && messages.some(isLast), `${String(messages.length)} messages by tshark`);
        assert.deepEqual([...streams.keys()].sort(), [...dissected.keys()].sort(), 'connections');
        for (const [key, expected] of dissected) {
          assert.deepEqual(streams.get(key), expected, key);
        }
        assert.deepEqual(sorted(countBySniffer(file)), sorted(countRequests(dissected)), 'operations');
        assert.deepEqual([...decoder.counts.skipped.counts], [], 'every packet was read');
      });
    });
  });
}
