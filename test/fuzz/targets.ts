// The table of everything that is fuzzed: a decoder is one row.
// Invariant: names are unique; they are what `npm run fuzz -- --target` takes and what findings are filed under.

import type { Target } from './target.ts';
import { CAPTURE_TARGETS } from './targets/captures.ts';
import { COMPRESSED_TARGETS } from './targets/compressed.ts';
import { CONVERSATION_TARGETS } from './targets/conversations.ts';
import { DOCUMENT_TARGETS } from './targets/documents.ts';
import { LAYOUT_TARGETS } from './targets/layouts.ts';
import { MESSAGE_TARGETS } from './targets/messages.ts';
import { SNIFFING_TARGETS } from './targets/sniffing.ts';
import { STREAM_TARGETS } from './targets/streams.ts';

export const TARGETS: readonly Target[] = [
  ...MESSAGE_TARGETS,
  ...LAYOUT_TARGETS,
  ...COMPRESSED_TARGETS,
  ...DOCUMENT_TARGETS,
  ...STREAM_TARGETS,
  ...SNIFFING_TARGETS,
  ...CONVERSATION_TARGETS,
  ...CAPTURE_TARGETS,
];

/** The rows with these names, all of them for no name. @throws Error that lists the names. */
export function selectTargets(names: readonly string[]): readonly Target[] {
  for (const name of names) {
    if (!TARGETS.some((target) => target.name === name)) {
      throw new Error(`no target is called ${name}; there are ${TARGETS.map((target) => target.name).join(', ')}`);
    }
  }
  return names.length === 0 ? TARGETS : TARGETS.filter(({ name }) => names.includes(name));
}
