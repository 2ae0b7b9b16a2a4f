// Reads the flags of `weir demo`. The demo itself is demo.ts.

import { parseUpstreamUri } from '../config/upstream-uri.ts';
import { CliFailure, EXIT } from './failure.ts';

const MAX_SECONDS = 86_400;

/** null: until a signal; null: the sandbox. Throws CliFailure. */
export function readDemoFlags(flags: { readonly seconds?: string; readonly upstream?: string }): {
  readonly seconds: number | null;
  readonly upstream: string | null;
} {
  const seconds = flags.seconds === undefined ? null : Number(flags.seconds);
  if (seconds !== null && !(seconds > 0 && seconds <= MAX_SECONDS)) {
    throw new CliFailure(EXIT.badInput, `weir: --seconds: expected a number above 0 and up to ${MAX_SECONDS}`);
  }
  if (flags.upstream !== undefined) {
    const uri = parseUpstreamUri(flags.upstream);
    if (!uri.ok)
      throw new CliFailure(uri.refusal ? EXIT.cannotStart : EXIT.badInput, `weir: --upstream: ${uri.sentence}`);
  }
  return { seconds, upstream: flags.upstream ?? null };
}
