// The only door to facts about the process and its machine: versions, operating system, descriptors.
// Read once at the start; no policy. Invariant: nothing here names a user, a path or an environment variable.

import { readFileSync } from 'node:fs';
import { type as osType } from 'node:os';
import { fileURLToPath } from 'node:url';

export interface MachineFacts {
  /** e.g. `Linux`. */
  readonly osType: string;
  /** e.g. `Node.js v20.19.0`. */
  readonly platform: string;
  /** Open files this process may have; null where the system does not say. */
  readonly descriptorLimit: number | null;
}

export function readMachineFacts(): MachineFacts {
  return { osType: osType(), platform: `Node.js ${process.version}`, descriptorLimit: readDescriptorLimit() };
}

/** Linux says it in a file; elsewhere Node's report knows. */
function readDescriptorLimit(): number | null {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    if (line?.[1] !== undefined) return Number(line[1]);
  } catch {
    // Not Linux.
  }
  return readReportedLimit();
}

function readReportedLimit(): number | null {
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } };
  const soft = report.userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : null;
}

/** "0.1.0" of this package's package.json, two folders up in a checkout and three in dist/; `unknown` if taken apart. */
export function readVersion(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    const version = versionIn(fileURLToPath(new URL(path, import.meta.url)));
    if (version !== null) return version;
  }
  return 'unknown';
}

function versionIn(file: string): string | null {
  try {
    const content = JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown; version?: unknown };
    return content.name === 'weir' && typeof content.version === 'string' ? content.version : null;
  } catch {
    return null;
  }
}
