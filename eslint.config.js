// The typed rules, the size limits and the bans. Formatting and the fast rules are biome's; types are the compiler's.
// Every ban says why and what to do instead. Invariant: zero warnings; a disable comment names its reason.

import { readFileSync } from 'node:fs';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const rules = JSON.parse(readFileSync(new URL('./scripts/layers.json', import.meta.url), 'utf8'));
/** Layers that are one file of src/; all others are folders. */
const SINGLE_FILES = ['app', 'index', 'options', 'snapshots', 'verbs'];

// --- Imports: made from scripts/layers.json ---------------------------------------------------------------------

/** Files of a layer as globs. */
const filesOf = (layer) => {
  if (layer === 'codecs') return ['codecs/**/*.ts'];
  return SINGLE_FILES.includes(layer) ? [`src/${layer}.ts`] : [`src/${layer}/**/*.ts`];
};

/** Matches a relative import that leaves its folder and enters `layer`. */
const entering = (layer) =>
  SINGLE_FILES.includes(layer) ? `^(?:\\.{1,2}/)+${layer}\\.ts$` : `^\\.{1,2}/(?:.*/)?${layer}/`;

const covers = (owner, file) => (owner.endsWith('/') ? file.startsWith(owner) : file === owner);

/** Bans of modules that have an owner, for a file or a folder (a name that ends with a slash). */
const ownedModules = (place) =>
  Object.entries({ ...rules.packages, ...rules.builtins })
    .filter(([, owners]) => !owners.some((owner) => covers(owner, place)))
    .map(([name, owners]) => ({
      // A package owns its subpaths; node:fs and node:fs/promises are two entries of the table.
      regex: name.startsWith('node:') ? `^${name}$` : `^${name}(?:/.*)?$`,
      message: `${name} is used only in ${owners.join(', ') || 'no file'} (scripts/layers.json).`,
    }));

/** The import rule of one layer, as seen from `place`. */
const importRule = (layer, place) => {
  const below = rules.layers[layer];
  const typesOnly = rules.typesOnly[layer] ?? [];
  const upwards = Object.keys(rules.layers)
    .filter((other) => other !== layer && !below.includes(other))
    .map((other) => ({
      regex: entering(other),
      message: `${layer} does not import ${other}: layers point down only (ARCHITECTURE.md, scripts/layers.json).`,
    }));
  const erased = typesOnly.map((other) => ({
    regex: entering(other),
    allowTypeImports: true,
    message: `${layer} takes only types from ${other}.`,
  }));
  return [
    'error',
    {
      patterns: [...upwards, ...erased, ...ownedModules(place)].map((pattern) => ({ caseSensitive: true, ...pattern })),
    },
  ];
};

const importBlock = (layer, files, place) => ({
  files,
  rules: { '@typescript-eslint/no-restricted-imports': importRule(layer, place) },
});

const layerOf = (file) => (file.startsWith('codecs/') ? 'codecs' : file.split('/')[1].replace(/\.ts$/, ''));

const layerBlocks = Object.keys(rules.layers).map((layer) => {
  const files = filesOf(layer);
  return importBlock(layer, files, files[0].replace('**/*.ts', ''));
});

/** Single files that own a module their folder does not. */
const ownerFiles = [...new Set(Object.values({ ...rules.packages, ...rules.builtins }).flat())]
  .filter((owner) => owner.endsWith('.ts'))
  .map((file) => importBlock(layerOf(file), [file], file));

// --- Time, randomness, process ----------------------------------------------------------------------------------

const TIME = 'Time comes from a Clock (src/core/clock.ts), so that tests drive it by hand.';
const MAY_READ_THE_CLOCK = [
  'src/core/clock.ts',
  'src/core/machine.ts',
  'src/cli/**',
  'src/demo/**',
  'src/sandbox/sandbox.ts',
  'test/**',
  'bench/**',
  'scripts/**',
];

const clockBans = {
  'no-restricted-globals': [
    'error',
    { name: 'setTimeout', message: TIME },
    { name: 'setInterval', message: TIME },
    { name: 'setImmediate', message: `${TIME} For the end of a turn there is Clock.onTurnEnd.` },
    { name: 'process', message: 'The process is src/cli and src/demo alone; pass in what a component needs.' },
  ],
  'no-restricted-properties': [
    'error',
    { object: 'Date', property: 'now', message: TIME },
    { object: 'performance', property: 'now', message: TIME },
    { object: 'Math', property: 'random', message: 'Randomness is injected (Random of src/core/clock.ts).' },
  ],
};

// --- Forms that are banned --------------------------------------------------------------------------------------

const formBans = [
  {
    selector: 'CallExpression[callee.property.name="removeAllListeners"][arguments.length=0]',
    message: "It removes other people's listeners too; name the event, or remove your own listener.",
  },
  { selector: 'ExportDefaultDeclaration', message: 'Named exports only: a thing has one name everywhere.' },
  {
    selector: 'ExportSpecifier[exported.name="default"]',
    message: 'Named exports only: a thing has one name everywhere.',
  },
];

const dateBans = [
  { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: TIME },
  { selector: 'CallExpression[callee.name="Date"]', message: TIME },
];

export default defineConfig(
  { ignores: ['dist/', 'coverage/', 'node_modules/', '**/*.js', '**/*.mjs', '**/*.cjs'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        // node:test runs and awaits what test() and its kin return.
        {
          allowForKnownSafeCalls: [
            { from: 'package', package: 'node:test', name: ['test', 'it', 'describe', 'suite', 'before', 'after'] },
          ],
        },
      ],
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/only-throw-error': 'error',
      // Biome and the compiler report these.
      '@typescript-eslint/no-unused-vars': 'off',
      // An async function without await is the plain way to satisfy an interface that returns a promise.
      '@typescript-eslint/require-await': 'off',
      'max-lines': ['error', { max: 400, skipBlankLines: false, skipComments: false }],
      'max-lines-per-function': ['error', { max: 80, skipBlankLines: false, skipComments: false }],
      complexity: ['error', 12],
      'max-params': ['error', 4],
      'no-console': 'error',
      'no-restricted-syntax': ['error', ...formBans, ...dateBans],
      ...clockBans,
    },
  },
  ...layerBlocks,
  ...ownerFiles,
  {
    files: MAY_READ_THE_CLOCK,
    rules: {
      'no-restricted-globals': 'off',
      'no-restricted-properties': 'off',
      'no-restricted-syntax': ['error', ...formBans],
    },
  },
  {
    files: ['src/cli/**', 'src/demo/**', 'scripts/**', 'bench/**', 'test/**'],
    rules: { 'no-console': 'off' },
  },
  {
    // The callback of describe() counts as a function; files stay under 400 lines all the same.
    files: ['test/**'],
    rules: {
      'max-lines-per-function': 'off',
      // Test benches hand out closures as methods of plain objects, to be taken apart.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
);
