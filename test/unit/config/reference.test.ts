// The reference of keys agrees with the schema, and the generated page with the reference.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { renderPage } from '../../../scripts/generate-configuration-docs.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { explainNotBuiltKey, listNotBuilt } from '../../../src/config/not-built.ts';
import { formatProblems } from '../../../src/config/problem.ts';
import { knownKeysIn, listKeys } from '../../../src/config/reference.ts';

describe('the reference of keys', () => {
  it('knows every key that the full fixture uses', () => {
    const places = listKeys().map((key) => key.place);
    for (const place of [
      'listeners[].auth.mode',
      'clusters[].pool.awaitConnections',
      'limits[].match.callSite',
      'stats.rows.max',
      'workers',
    ]) {
      assert.ok(places.includes(place), place);
    }
    assert.equal(new Set(places).size, places.length);
  });

  it('documents each key with words of its own', () => {
    const meanings = listKeys().map((key) => `${key.place.split('.')[0]} ${key.meaning}`);
    assert.equal(new Set(meanings).size, meanings.length);
  });

  it('lists the keys of one level', () => {
    assert.deepEqual(knownKeysIn('stats'), ['rows', 'callSites']);
    assert.ok(knownKeysIn('').includes('clusters'));
    assert.deepEqual(knownKeysIn('nowhere'), []);
  });

  it('names defaults that load to the same config when they are written out', () => {
    for (const key of listKeys()) {
      if (key.defaultText === null || key.defaultText.includes(' ') || key.place.includes('[]')) continue;
      const text = key.place.split('.').reduceRight((inner, name) => `{${name}: ${inner}}`, key.defaultText);
      const result = loadConfig({ text, env: {}, readFile: () => '' });
      assert.deepEqual(result.ok ? [] : formatProblems(key.place, result.problems), []);
    }
  });

  it('never promises a key that exists', () => {
    for (const { place } of listKeys()) assert.equal(explainNotBuiltKey(place), null);
    assert.ok(listNotBuilt().length > 10);
  });

  it('is what the generated page says', () => {
    const page = readFileSync(new URL('../../../docs/generated/configuration.md', import.meta.url), 'utf8');
    assert.equal(page, renderPage());
  });
});
