// What tshark's own MongoDB dissector sees in a capture: every message, and of commands the top-level elements.
// Shares no code with weir. Invariant: a message that tshark calls malformed is kept and marked, never dropped.
import { spawnSync } from 'node:child_process';

/** One message as tshark tells it. */
export interface DissectedMessage {
  readonly sourcePort: number;
  readonly targetPort: number;
  readonly length: number;
  readonly requestId: number;
  readonly responseTo: number;
  readonly opcode: number;
  /** `db.collection` of an OP_QUERY, else ''. */
  readonly fullCollectionName: string;
  /** Top-level elements of an OP_MSG's body or an OP_QUERY's query: name and, where it is text, value. */
  readonly elements: readonly { readonly name: string; readonly text: string | null }[];
  readonly isMalformed: boolean;
}

/** A `<proto>` or `<field>` of PDML. */
interface PdmlNode {
  readonly name: string;
  readonly show: string;
  readonly children: PdmlNode[];
}

const MOST_OUTPUT_BYTES = 1024 * 1024 * 1024;
const TAG = /^\s*<(\/?)(packet|proto|field)\b([^>]*?)(\/?)>\s*$/;
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

/** Messages of one port in the order in which they were complete. */
export function dissect(file: string, port: number): readonly DissectedMessage[] {
  const args = ['-r', file, '-d', `tcp.port==${String(port)},mongo`, '-Y', 'mongo', '-T', 'pdml'];
  const child = spawnSync('tshark', args, { encoding: 'utf8', maxBuffer: MOST_OUTPUT_BYTES });
  if (child.status !== 0) {
    throw new Error(`tshark (Debian package tshark) ended with ${String(child.status)}: ${child.stderr}`);
  }
  return packetsOf(child.stdout).flatMap(messagesOf);
}

/** The packets as trees. */
function packetsOf(pdml: string): PdmlNode[] {
  const packets: PdmlNode[] = [];
  const open: PdmlNode[] = [];
  for (const line of pdml.split('\n')) {
    const tag = TAG.exec(line);
    if (tag === null) continue;
    const [, isEnd, kind, attributes = '', isLeaf] = tag;
    if (isEnd === '/') {
      open.pop();
      continue;
    }
    const node = { name: attribute(attributes, 'name'), show: attribute(attributes, 'show'), children: [] };
    if (kind === 'packet') packets.push(node);
    else open.at(-1)?.children.push(node);
    if (isLeaf !== '/') open.push(node);
  }
  return packets;
}

function attribute(attributes: string, name: string): string {
  const value = new RegExp(` ${name}="([^"]*)"`).exec(attributes)?.[1] ?? '';
  return value.replace(/&(\w+);/g, (entity, word: string) => ENTITIES[word] ?? entity);
}

function messagesOf(packet: PdmlNode): DissectedMessage[] {
  const tcp = packet.children.find(({ name }) => name === 'tcp');
  const ports = { sourcePort: Number(show(tcp, 'tcp.srcport')), targetPort: Number(show(tcp, 'tcp.dstport')) };
  const isMalformed = packet.children.some(({ name }) => name === '_ws.malformed');
  return packet.children
    .filter(({ name }) => name === 'mongo')
    .map((message) => ({
      ...ports,
      length: Number(show(message, 'mongo.message_length')),
      // Shown as unsigned hex; weir's ids are signed.
      requestId: Number(show(message, 'mongo.request_id')) | 0,
      responseTo: Number(show(message, 'mongo.response_to')) | 0,
      opcode: Number(show(message, 'mongo.opcode')),
      fullCollectionName: show(message, 'mongo.full_collection_name'),
      elements: topElements(message),
      isMalformed,
    }));
}

function show(node: PdmlNode | undefined, name: string): string {
  return node?.children.find((child) => child.name === name)?.show ?? '';
}

function topElements(message: PdmlNode): DissectedMessage['elements'] {
  const inSections = message.children
    .filter(({ name }) => name === 'mongo.msg.sections.section')
    .flatMap(({ children }) => children);
  const document =
    inSections.find(({ name }) => name === 'mongo.msg.sections.section.body') ??
    message.children.find(({ name }) => name === 'mongo.query');
  const elements = document?.children.find(({ name }) => name === 'mongo.elements')?.children ?? [];
  return elements
    .filter(({ name }) => name === 'mongo.element.name')
    .map(({ show: name, children }) => ({
      name,
      text: children.find((child) => child.name === 'mongo.element.value.string')?.show ?? null,
    }));
}
