// The `client` document of a hello: checked as servers do, and read for names to show. Pure.
// The same for `clientUpdate`, which changes it later (server 9.0); nothing there is an error, for an error to a hello
// makes drivers clear their pools. Source: MongoDB handshake specification; codes 183-185 (protocol.md 2.1).

import { type BsonDocument, deserialize } from '../../codecs/index.ts';
import { badMetadata, type ErrorAnswer } from '../core/error-answers.ts';

export interface ClientMetadata {
  /** The document's bytes as latin1 text; equal text means the identical document. */
  readonly identity: string;
  /** `application.name`; '' if none. */
  readonly app: string;
  /** `driver.name driver.version`. */
  readonly driver: string;
}

/** mongod takes 1024 bytes, mongos 512: be as generous as the more generous. */
const MAX_METADATA_BYTES = 1024;
const MAX_APP_NAME_BYTES = 128;

/** Reads a `client` document, or says what is wrong with it. */
export function readClientMetadata(bytes: Buffer): ClientMetadata | ErrorAnswer {
  if (bytes.length > MAX_METADATA_BYTES) {
    return badMetadata(185, `The client metadata document must be less then or equal to ${MAX_METADATA_BYTES} bytes`);
  }
  const document = deserialize(bytes);
  const app = textAt(document, 'application', 'name') ?? '';
  if (Buffer.byteLength(app) > MAX_APP_NAME_BYTES) {
    return badMetadata(184, `The 'application.name' field is longer than ${MAX_APP_NAME_BYTES} bytes`);
  }
  const driver = textAt(document, 'driver', 'name');
  const version = textAt(document, 'driver', 'version');
  if (driver === null || version === null) {
    return badMetadata(183, "The 'driver' document with 'name' and 'version' is missing in the client metadata");
  }
  if (textAt(document, 'os', 'type') === null) {
    return badMetadata(183, "The 'os' document with 'type' is missing in the client metadata");
  }
  return { identity: bytes.toString('latin1'), app, driver: `${driver} ${version}` };
}

/** Names to show from now on; null: as before. */
export interface ClientUpdate {
  readonly app: string | null;
  readonly driver: string | null;
}

const NO_UPDATE: ClientUpdate = { app: null, driver: null };

/** Reads a `clientUpdate` document: the fields of `client` that change, in the same places. */
export function readClientUpdate(bytes: Buffer): ClientUpdate {
  if (bytes.length > MAX_METADATA_BYTES) return NO_UPDATE;
  const document = deserialize(bytes);
  const app = textAt(document, 'application', 'name');
  const driver = textAt(document, 'driver', 'name');
  const version = textAt(document, 'driver', 'version');
  return {
    app: app === null || Buffer.byteLength(app) > MAX_APP_NAME_BYTES ? null : app,
    driver: driver === null || version === null ? null : `${driver} ${version}`,
  };
}

function textAt(document: BsonDocument, outer: string, inner: string): string | null {
  const part: unknown = document[outer];
  if (typeof part !== 'object' || part === null) return null;
  const text: unknown = (part as Record<string, unknown>)[inner];
  return typeof text === 'string' ? text : null;
}
