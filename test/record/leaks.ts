// Finds in a recording what would tell where it was made: the machine's name, its user, folders, platform texts.
// It judges the bytes of the messages, not the hex. Invariant: a recording with a finding is not kept.
import { homedir, hostname, release, userInfo } from 'node:os';
import { readRecording } from '../../src/recording/reader.ts';

/** The words that occur in the messages of a recording although they should not. */
export function leaksOf(text: string, secrets: readonly string[]): string[] {
  const chunks: Buffer[] = [];
  for (const item of readRecording(text)) if (item.kind === 'chunk') chunks.push(item.bytes);
  const bytes = Buffer.concat(chunks);
  const words = [hostname(), homedir(), release(), userInfo().username, process.cwd(), ...secrets];
  return [...new Set(words)].filter((word) => word.length > 3 && bytes.includes(word));
}
