// Which sessions an endSessions or killSessions names. Pure; a malformed list names none: the server will say so.

import { Binary, type CommandView, deserialize } from '../../codecs/index.ts';

/** Keys as CommandView.lsidKey gives them: the 16 bytes of the UUID as latin1 text. */
export function readEndedSessions(command: CommandView): string[] {
  const document = deserialize(command.body);
  const sessions: unknown = document[command.name];
  if (!Array.isArray(sessions)) return [];
  const keys: string[] = [];
  for (const session of sessions as readonly unknown[]) {
    const id: unknown = (session as Record<string, unknown> | null)?.['id'];
    if (id instanceof Binary) keys.push(Buffer.from(id.buffer).toString('latin1'));
  }
  return keys;
}
