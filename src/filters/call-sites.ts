// Which line of code sent a command: reads its comment in its four notations and turns it into a label.
// It charges nobody (attribution.ts does) and never looks at a cursor's origin. Invariant: of() never throws, whatever
// the bytes are, and a label is short, printable and, while there is room, the same string object each time.

import { BSON_TYPE, type CommandView, ElementCursor } from '../../codecs/index.ts';
import { NO_CALL_SITE } from '../core/operation.ts';
import { CallSiteCut, CUT_FORM, SCAN_BYTES, type ScanResult } from './call-site-cut.ts';
import { DOCUMENT_KEYS } from './call-site-keys.ts';
import { scanJson } from './json-scan.ts';
import { decode, LabelCache } from './label-cache.ts';
import { scanText } from './list-scan.ts';

export interface CallSitesOptions {
  /** Labels remembered at once; more are still given, only not remembered. Default 10 000. */
  readonly maxCached?: number;
}

const DEFAULT_MAX_CACHED = 10_000;
const OPEN_BRACE = 0x7b;
const SPACE = 0x20;
/** Longest JSON text that is parsed whole where the scan could not read it: parsing is paid by everybody's latency. */
const LONGEST_PARSED_BYTES = 8192;
/** Elements of a comment document or array that are looked at. */
const MAX_ELEMENTS = 32;

/**
 * The call site of a command is taken from its comment, or the first `$comment` of its filter:
 * - a BSON document: `callingFunction`, else `callsite`, `callSite`, `text` (itself read as a text, for it is the
 *   application's own comment); a document with nothing of these, only a traceparent say, has no call site
 * - a text that is a JSON object: the same keys
 * - a `key='value'` list, values URL-encoded: the same keys, else `route`, `controller#action`, the service (`ddps`,
 *   `application`). Where a tracer appended its list to a text, the text in front of it is the call site
 * - any other text is the call site itself; one that is different each time is bounded by the operation table
 * - an array (Datadog adds to one): its first element that has a call site
 *
 * Anything else, such as a number or an ObjectId, names no code: `-`.
 */
export class CallSites {
  readonly #labels: LabelCache;
  readonly #cut: CallSiteCut = new CallSiteCut();

  constructor(options: CallSitesOptions = {}) {
    this.#labels = new LabelCache(options.maxCached ?? DEFAULT_MAX_CACHED);
  }

  /** The label, or `-` without one. */
  of(command: CommandView): string {
    const { commentType } = command;
    if (commentType === 0) return NO_CALL_SITE;
    const { bytes } = command.frame;
    if (commentType === BSON_TYPE.string) return this.#ofText(bytes, command.commentStart + 4, command.commentEnd - 1);
    try {
      return this.#ofValue(bytes, commentType, command.commentStart, command.commentEnd);
    } catch {
      // The reader hops over nested documents, so that a malformed one is met here first; the server will judge it.
      return NO_CALL_SITE;
    }
  }

  /** @throws DecodeError where a document is malformed. */
  #ofValue(bytes: Buffer, type: number, start: number, end: number): string {
    switch (type) {
      case BSON_TYPE.string:
      case BSON_TYPE.symbol:
        return this.#ofText(bytes, start + 4, end - 1);
      case BSON_TYPE.document:
        return this.#ofDocument(bytes, start, end);
      case BSON_TYPE.array:
        return this.#ofArray(bytes, start, end);
      default:
        return NO_CALL_SITE;
    }
  }

  #ofDocument(bytes: Buffer, start: number, end: number): string {
    const cursor = new ElementCursor(bytes, start, end);
    let best = DOCUMENT_KEYS.length;
    let valueStart = 0;
    let valueEnd = 0;
    for (let left = MAX_ELEMENTS; left > 0 && best > 0 && cursor.next(); left--) {
      if (cursor.type !== BSON_TYPE.string || cursor.valueEnd - cursor.valueStart === 5) continue;
      for (let rank = 0; rank < best; rank++) {
        if (!cursor.isNamed(DOCUMENT_KEYS[rank] as string)) continue;
        best = rank;
        valueStart = cursor.valueStart + 4;
        valueEnd = cursor.valueEnd - 1;
      }
    }
    if (best === DOCUMENT_KEYS.length) return NO_CALL_SITE;
    if (best === DOCUMENT_KEYS.length - 1) return this.#ofText(bytes, valueStart, valueEnd);
    return this.#labels.find(bytes, valueStart, valueEnd, CUT_FORM.plain);
  }

  /** Only texts and documents inside: an array in an array is nobody's notation. */
  #ofArray(bytes: Buffer, start: number, end: number): string {
    const cursor = new ElementCursor(bytes, start, end);
    for (let left = MAX_ELEMENTS; left > 0 && cursor.next(); left--) {
      if (cursor.type === BSON_TYPE.array) continue;
      const label = this.#ofValue(bytes, cursor.type, cursor.valueStart, cursor.valueEnd);
      if (label !== NO_CALL_SITE) return label;
    }
    return NO_CALL_SITE;
  }

  #ofText(bytes: Buffer, start: number, end: number): string {
    const scanEnd = Math.min(end, start + SCAN_BYTES);
    let first = start;
    while (first < scanEnd && (bytes[first] as number) <= SPACE) first++;
    if (first < scanEnd && bytes[first] === OPEN_BRACE) {
      const result = scanJson(bytes, first, scanEnd, this.#cut);
      if (result !== 'unreadable') return this.#label(bytes, result);
      if (end - first > LONGEST_PARSED_BYTES) return NO_CALL_SITE;
      const parsed = parseJson(bytes.toString('utf8', first, end));
      if (parsed !== null) return this.#ofParsed(parsed);
    }
    return this.#label(bytes, scanText(bytes, first, scanEnd, this.#cut));
  }

  #label(bytes: Buffer, result: ScanResult): string {
    if (result !== 'found') return NO_CALL_SITE;
    const { start, end, form, secondStart, secondEnd, secondForm } = this.#cut;
    if (secondStart < 0) return this.#labels.find(bytes, start, end, form);
    return this.#labels.intern(
      joinParts(decode(bytes, start, end, form), decode(bytes, secondStart, secondEnd, secondForm)),
    );
  }

  #ofParsed(document: Readonly<Record<string, unknown>>): string {
    for (const key of DOCUMENT_KEYS) {
      const value = Object.hasOwn(document, key) ? document[key] : undefined;
      if (typeof value === 'string' && value !== '') return this.#labels.intern(value);
    }
    return NO_CALL_SITE;
  }
}

/** Rails writes a place in its code like this. */
function joinParts(controller: string, action: string): string {
  return `${controller}#${action}`;
}

/** The object at the start of a text, whatever a tracer appended to it; null if there is none. */
function parseJson(text: string): Readonly<Record<string, unknown>> | null {
  for (const candidate of [text, text.slice(0, text.lastIndexOf('}') + 1)]) {
    try {
      return JSON.parse(candidate) as Readonly<Record<string, unknown>>;
    } catch {
      // Not JSON: the next candidate, or a plain text.
    }
  }
  return null;
}
