// Which compressors there are, and which of them work in this process. zlib and noop always do; snappy and zstd are
// optional packages, loaded once by loadCompressors().
// It decides nothing about peers: who may use which is negotiated by the connections.
// Invariant: what is not loaded is not offered, and asking for it is a DecodeError.

import * as zlib from 'node:zlib';
import type { Compressor } from './compressor.ts';
import { createSnappy } from './compressors-snappy.ts';
import { zlibCompressor } from './compressors-zlib.ts';
import { createNodeZstd, createWasmZstd, nodeZstdOf, type WasmZstd } from './compressors-zstd.ts';
import { refuse } from './errors.ts';
import { COMPRESSOR_ID_AT } from './limits.ts';
import type { ThreadTimers } from './zstd-thread.ts';

/** compressorId of OP_COMPRESSED by name; 4 to 255 are reserved. */
export const COMPRESSORS = { noop: 0, snappy: 1, zlib: 2, zstd: 3 } as const;

export type CompressorName = keyof typeof COMPRESSORS;

/** The ones that save bytes, in the order in which servers list them by default. */
export const REAL_COMPRESSORS: readonly CompressorName[] = ['snappy', 'zstd', 'zlib'];

const NAMES: readonly (CompressorName | undefined)[] = ['noop', 'snappy', 'zlib', 'zstd'];

/** Nothing but the size changes hands; the payload is shared, not copied. */
const noopCompressor: Compressor = { compress: (payload) => payload, decompress: (payload) => payload, async: null };

const loaded: Map<CompressorName, Compressor> = new Map([
  ['noop', noopCompressor],
  ['zlib', zlibCompressor],
]);

/** Name of a compressorId, or null for a reserved one. */
export function compressorName(id: number): CompressorName | null {
  return NAMES[id] ?? null;
}

/** Whether it works in this process; before loadCompressors() only noop and zlib do. */
export function hasCompressor(name: CompressorName): boolean {
  return loaded.has(name);
}

/** @throws DecodeError unknown_compressor for a reserved id, compressor_unavailable for one that is not loaded. */
export function compressorOf(id: number): Compressor {
  const name = NAMES[id] ?? refuse('unknown_compressor', COMPRESSOR_ID_AT);
  return loaded.get(name) ?? refuse('compressor_unavailable', COMPRESSOR_ID_AT);
}

let loading: Promise<void> | null = null;
let wasmZstd: WasmZstd | null = null;
let watch: ThreadTimers | null = null;

/** Loads the optional ones; a package that is absent or broken leaves its compressor out. Later calls are free. */
export async function loadCompressors(): Promise<void> {
  loading ??= loadAll();
  await loading;
}

/**
 * A compressor's thread (zstd before Node 22.15) that hangs is ended from now on, and what it held fails.
 * @param timers a Clock; the last one that was given counts.
 */
export function watchCompressors(timers: ThreadTimers): void {
  watch = timers;
  wasmZstd?.watch(timers);
}

async function loadAll(): Promise<void> {
  await Promise.all([
    keep('snappy', async () => createSnappy((await import('snappy')).default)),
    keep('zstd', async () => {
      const native = nodeZstdOf(zlib);
      if (native !== null) return createNodeZstd(native);
      const wasm = await import('@bokuweb/zstd-wasm');
      await wasm.init();
      wasmZstd = createWasmZstd(wasm, import.meta.resolve('@bokuweb/zstd-wasm'));
      if (watch !== null) wasmZstd.watch(watch);
      return wasmZstd;
    }),
  ]);
}

async function keep(name: CompressorName, load: () => Promise<Compressor>): Promise<void> {
  try {
    loaded.set(name, await load());
  } catch {
    // Not installed, or not for this platform: it is not offered, and hasCompressor() says so.
  }
}
