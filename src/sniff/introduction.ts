// Reads the names in a hello that passes by. It judges nothing: the server does. Pure.

import { BSON_TYPE, type BsonView, type CommandView } from '../../codecs/index.ts';
import { cleanLabel } from '../stats/label.ts';

export const HELLO_NAMES: ReadonlySet<string> = new Set(['hello', 'isMaster', 'ismaster']);

export interface Introduction {
  /** `application.name`, cleaned; '' if there is none. */
  readonly app: string;
  /** `driver.name driver.version`, cleaned; '' if there is none. */
  readonly driver: string;
}

/** The names of the `client` document, or null where the hello has none. @throws DecodeError where it is malformed. */
export function readIntroduction(hello: CommandView): Introduction | null {
  const client = hello.document.getDocument('client');
  if (client === null) return null;
  const driver = client.getDocument('driver');
  const names = [textOf(driver, 'name'), textOf(driver, 'version')];
  return {
    app: cleanLabel(textOf(client.getDocument('application'), 'name')),
    driver: cleanLabel(names.filter((name) => name !== '').join(' ')),
  };
}

/** Whether the server may keep this hello until something changes: the wait is asked for and says nothing of its speed. */
export function isAwaitingHello(hello: CommandView): boolean {
  return hello.document.get('topologyVersion')?.type === BSON_TYPE.document;
}

function textOf(view: BsonView | null, name: string): string {
  return view?.getString(name) ?? '';
}
