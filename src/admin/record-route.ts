// GET /api/v1/record: streams a recording of the conversations that pass meanwhile, redacted inside the proxy.
// It records nothing itself (recording/recorder.ts does). Invariant: the recording ends with its reader, and what the
// reader does not take is bounded.

import type { Context, Hono } from 'hono';
import { RECORDING_LIMITS, type Recorder, type Recording, type RecordingSink } from '../recording/recorder.ts';
import { isLoopback } from './host-check.ts';

export interface RecordRouteOptions {
  /** The host the admin server is bound to: raw values leave by a loopback address only. */
  readonly host: string;
  readonly recorder: Recorder;
}

interface RecordRequest {
  readonly seconds: number;
  readonly connections: number;
  readonly client: string | null;
  readonly keepsValues: boolean;
}

const DEFAULTS = { seconds: 10, connections: 20 } as const;
/** What may wait for a reader before it counts as too slow. */
const UNREAD_BYTES = 8_388_608;
const LONGEST_CLIENT = 100;
const KNOWN: readonly string[] = ['seconds', 'connections', 'client', 'raw'];

/** The request, or the sentence that says what is wrong with it. */
function readRequest(query: Readonly<Record<string, string>>): RecordRequest | string {
  const unknown = Object.keys(query).find((key) => !KNOWN.includes(key));
  if (unknown !== undefined) return `there are ${KNOWN.join(', ')} and nothing else`;
  const seconds = readCount(query['seconds'], DEFAULTS.seconds);
  if (seconds < 1 || seconds > RECORDING_LIMITS.seconds) {
    return `seconds must be a whole number from 1 to ${RECORDING_LIMITS.seconds}`;
  }
  const connections = readCount(query['connections'], DEFAULTS.connections);
  if (connections < 1 || connections > RECORDING_LIMITS.connections) {
    return `connections must be a whole number from 1 to ${RECORDING_LIMITS.connections}`;
  }
  const { client, raw } = query;
  if (client !== undefined && (client === '' || client.length > LONGEST_CLIENT)) return 'client must be an address';
  if (raw !== undefined && raw !== '1') return 'raw must be 1 or absent';
  return { seconds, connections, client: client ?? null, keepsValues: raw === '1' };
}

/** 0 for anything but a whole number. */
function readCount(text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}

function refuse(context: Context, status: 400 | 403 | 405 | 409, error: string): Response {
  return context.json({ error }, status);
}

/** The text as a stream; null while another recording runs. */
function openStream(recorder: Recorder, request: RecordRequest): ReadableStream<Uint8Array> | null {
  let recording: Recording | null = null;
  let isOpen = true;
  const stream = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        const sink: RecordingSink = {
          write: (text) => {
            if (isOpen) controller.enqueue(Buffer.from(text, 'latin1'));
            return isOpen && (controller.desiredSize ?? 0) > 0;
          },
          finish: () => {
            if (isOpen) controller.close();
            isOpen = false;
          },
        };
        recording = recorder.start({ ...request, bytes: RECORDING_LIMITS.bytes }, sink);
      },
      cancel: () => {
        isOpen = false;
        recording?.stop('reader_gone');
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: UNREAD_BYTES }),
  );
  return recording === null ? null : stream;
}

export function addRecordRoute(app: Hono, { host, recorder }: RecordRouteOptions): void {
  app.get('/api/v1/record', (context) => {
    if (context.req.method !== 'GET') return refuse(context, 405, 'a recording has no headers of its own; use GET');
    // Every other answer only tells; this one works, so that a page on another site may not ask for it.
    if (context.req.header('sec-fetch-site') === 'cross-site') return refuse(context, 403, 'not for other sites');
    const request = readRequest(context.req.query());
    if (typeof request === 'string') return refuse(context, 400, request);
    if (request.keepsValues && !isLoopback(host)) {
      return refuse(context, 403, 'raw recordings need an admin address on loopback, such as 127.0.0.1:9118');
    }
    const stream = openStream(recorder, request);
    if (stream === null) return refuse(context, 409, 'another recording runs; wait for its end');
    return context.body(stream, 200, { 'content-type': 'text/plain; charset=utf-8' });
  });
}
