// Brings the files that TLS needs into a checked config. It opens nothing by itself: the reader is given.
// Invariant: a cluster with TLS has `pem`, one without has none, or there is a problem with its place.

import { tlsOf } from './cluster-security.ts';
import type { ClusterConfig, Config } from './config.ts';
import { type Parsed, parsed } from './parsed.ts';
import { type ReadFile, readTlsFiles } from './upstream-tls.ts';

export interface PemProblem {
  /** Index of the cluster, and the key that names the file. */
  readonly cluster: number;
  readonly key: 'uri' | 'tls';
  readonly sentence: string;
}

/** One cluster with its files read. */
export function withPem(cluster: ClusterConfig, readFile: ReadFile): Parsed<ClusterConfig> {
  const files = tlsOf(cluster);
  if (!files.ok) return files;
  if (files.value === null) {
    const { pem: _none, ...plain } = cluster;
    return parsed(plain);
  }
  const pem = readTlsFiles(files.value, readFile);
  return pem.ok ? parsed({ ...cluster, pem: pem.value }) : pem;
}

/** All clusters of a config that cross-check.ts let pass. */
export function readPemFiles(
  config: Config,
  readFile: ReadFile,
): { readonly config: Config; readonly problems: readonly PemProblem[] } {
  const problems: PemProblem[] = [];
  const clusters = config.clusters.map((cluster, index) => {
    if (tlsOf(cluster).ok && cluster.tls === undefined && (cluster.uri.tls ?? null) === null) return cluster;
    const read = withPem(cluster, readFile);
    if (read.ok) return read.value;
    problems.push({ cluster: index, key: cluster.tls === undefined ? 'uri' : 'tls', sentence: read.sentence });
    return cluster;
  });
  return { config: { ...config, clusters }, problems };
}
