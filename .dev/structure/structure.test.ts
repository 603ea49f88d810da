import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { documentedPaths } from './documented-paths.mjs';
import { folderCycles } from './folder-cycles.mjs';
import { forbiddenImports } from './imports.mjs';
import { homonyms } from './one-meaning.mjs';
import { rulePlaces } from './rule-places.mjs';
import { runStructure } from './run.mjs';
import { sizes } from './sizes.mjs';
import { readSourceTree } from './source-tree.mjs';
import { noticeAsYardstick, providerWords } from './words.mjs';

const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true });
});

/** A repository of the given files. */
function repository(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'structure-'));
  roots.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

const treeOf = (files: Record<string, string>) => readSourceTree(repository(files));
const placesOf = (findings: readonly { place: string }[]) => findings.map(({ place }) => place).sort();

describe('a cycle between folders', () => {
  const cycle = {
    'packages/p/src/a/one.ts': "import { two } from '../b/two.ts'; export const one = two;",
    'packages/p/src/b/two.ts': "import type { One } from '../a/types.ts'; export const two: One = 2;",
    'packages/p/src/a/types.ts': 'export type One = number;',
  };

  it('fails, type imports included, and shows the imports that make it', () => {
    const found = folderCycles(treeOf(cycle));
    expect(placesOf(found)).toEqual(['packages/p/src/a', 'packages/p/src/b']);
    expect(found[0]?.message).toContain('a → b → a');
    expect(found[0]?.message).toContain('packages/p/src/b/two.ts imports packages/p/src/a/types.ts');
  });

  it('is made by neither tests nor test support nor the index of the package', () => {
    const found = folderCycles(
      treeOf({
        'packages/p/src/index.ts': "export * from './a/one.ts';",
        'packages/p/src/a/one.ts': 'export const one = 1;',
        'packages/p/src/a/one.test.ts': "import { world } from '../testing/world.ts'; world();",
        'packages/p/src/testing/world.ts': "import { one } from '../a/one.ts'; export const world = () => one;",
        'packages/p/src/b/two.ts': "import { one } from '../index.ts'; export const two = one;",
      }),
    );
    expect(found).toEqual([]);
  });
});

describe('a word of one provider', () => {
  it('fails as an identifier, a property, a type, a code, an import path and a file name', () => {
    const found = providerWords(
      treeOf({
        'packages/operations/src/end.ts': 'export function endFleet(id: string) { return id; }',
        'packages/operations/src/property.ts': "export const place = { 'subnetId': 1 };",
        'packages/operations/src/type.ts': 'interface ImdsAnswer {} export type Answer = ImdsAnswer;',
        'packages/operations/src/code.ts': "export const cause = 'spot-notice';",
        'packages/operations/src/import.ts': "import { x } from '@aws-sdk/client-ec2'; export const y = x;",
        'packages/operations/src/fleet-watch.ts': 'export const watch = 1;',
      }),
    );
    expect(placesOf(found)).toEqual(
      ['code', 'end', 'fleet-watch', 'import', 'property', 'type'].map((name) => `packages/operations/src/${name}.ts`),
    );
    expect(found.find(({ place }) => place.endsWith('/end.ts'))?.message).toContain('endFleet (line 1)');
  });

  it('is allowed in texts and comments, in the folders of that provider, and as the name of what comes from there', () => {
    const found = providerWords(
      treeOf({
        'packages/operations/src/text.ts': "// EC2 says so.\nexport const hint = 'the fleet is gone';",
        'packages/provider/src/aws/launch.ts': 'export const createFleet = 1;',
        'agent/src/compose/host.ts': "import { ec2Host } from '../host/ec2/host.ts'; export const host = ec2Host;",
        'agent/src/host/ec2/host.ts': 'export const ec2Host = 1;',
      }),
    );
    expect(found).toEqual([]);
  });
});

it('a time that is derived from the length of a notice fails, but not where a notice is meant', () => {
  const found = noticeAsYardstick(
    treeOf({
      'agent/src/life/flush.ts': 'export const flushMs = (timing) => timing.noticeMs * 8;',
      'packages/p/src/stop.ts': 'export const graceMs = (noticeMs) => noticeMs / 4;',
      'agent/src/life/left.ts': 'export const leftMs = (timing, nowMs) => timing.noticeMs - nowMs;',
      'agent/src/host/ec2/watcher.ts': 'export const resolutionMs = (noticeMs) => noticeMs / 10;',
    }),
  );
  expect(placesOf(found)).toEqual(['agent/src/life/flush.ts', 'packages/p/src/stop.ts']);
});

describe('an import', () => {
  const targets = {
    'agent/src/host/ec2/host.ts': 'export const host = 1;',
    'packages/provider/package.json':
      '{"name":"@runctl/provider","exports":{".":"./src/index.ts","./aws":"./src/aws/index.ts"}}',
    'packages/provider/src/index.ts': 'export const port = 1;',
    'packages/provider/src/aws/index.ts': 'export const aws = 1;',
    'packages/sandbox/package.json':
      '{"name":"@runctl/sandbox","exports":{".":"./src/index.ts","./client":"./src/client/index.ts"}}',
    'packages/sandbox/src/index.ts': 'export const region = 1;',
    'packages/sandbox/src/client/index.ts': 'export const client = 1;',
    'packages/p/src/testing/world.ts': 'export const world = 1;',
    'controller/src/cli.ts': 'export const cli = 1;',
  };
  const forbidden = [
    ['agent/src/life/life.ts', '../host/ec2/host.ts'],
    ['agent/src/recovery/policy.ts', '../host/ec2/host.ts'],
    ['agent/src/main.ts', '../../controller/src/cli.ts'],
    ['packages/operations/src/launch.ts', '@runctl/provider/aws'],
    ['packages/operations/src/stop.ts', '@aws-sdk/client-s3'],
    ['packages/operations/src/show.ts', 'clipanion'],
    ['packages/operations/src/ask.ts', 'node:process'],
    ['controller/src/commands/status.ts', '@runctl/sandbox'],
    ['packages/p/src/product.ts', './testing/world.ts'],
    ['packages/p/src/clock.ts', '@runctl/testkit'],
  ];
  const allowed = [
    ['agent/src/compose/host.ts', '../host/ec2/host.ts'],
    ['packages/operations/src/launch.ts', '@runctl/provider'],
    ['controller/src/adapters/sandbox.ts', '@runctl/sandbox'],
    ['controller/src/commands/status.ts', '@runctl/sandbox/client'],
    ['packages/p/src/product.test.ts', './testing/world.ts'],
  ];

  it.each(forbidden)('fails in %s of %s', (from, specifier) => {
    const [found, more] = forbiddenImports(treeOf({ ...targets, [from]: `import { x } from '${specifier}'; x();` }));
    expect(found?.message).toContain(`${from}:1 imports ${specifier}: `);
    expect(more).toBeUndefined();
  });

  it.each(forbidden.slice(0, 1))('fails in %s of %s when it is lazy, a type, or passed on', (from, specifier) => {
    for (const text of [
      `await import('${specifier}');`,
      `export * from '${specifier}';`,
      `let a: import('${specifier}').A;`,
    ])
      expect(placesOf(forbiddenImports(treeOf({ ...targets, [from]: text })))).toEqual([from]);
  });

  it.each(allowed)('passes in %s of %s', (from, specifier) => {
    expect(forbiddenImports(treeOf({ ...targets, [from]: `import { x } from '${specifier}'; x();` }))).toEqual([]);
  });
});

describe('a size', () => {
  const lines = (count: number) => Array.from({ length: count }, (_, index) => `  call(${index});`).join('\n');

  it('fails for a function of 70 lines, a file of 251 and a fourth parameter', async () => {
    const root = repository({
      'agent/src/long.ts': `export function long() {\n${lines(68)}\n}\n`,
      'agent/src/file.ts': Array.from({ length: 251 }, (_, index) => `export const a${index} = 1;`).join('\n'),
      'agent/src/four.ts': 'export function four(a, b, c, d) { return [a, b, c, d]; }\n',
    });
    const found = await sizes({ root, members: ['agent'] });
    expect(found.map(({ rule, place }) => `${rule} ${place}`).sort()).toEqual([
      'max-lines agent/src/file.ts',
      'max-lines-per-function agent/src/long.ts: long',
      'max-params agent/src/four.ts: four',
    ]);
  });

  it('passes at the limit, and for the describe of a test', async () => {
    const root = repository({
      'agent/src/long.ts': `export function long() {\n${lines(58)}\n}\n`,
      'agent/src/long.test.ts': `describe('long', () => {\n${lines(300)}\n});\n`,
    });
    expect(await sizes({ root, members: ['agent'] })).toEqual([]);
  });
});

describe('a second export of one name', () => {
  it('fails, and names both places', () => {
    const found = homonyms(
      treeOf({
        'agent/src/a.ts': 'export const judge = 1;',
        'packages/p/src/b.ts': 'const x = 1; export { x as judge };',
      }),
    );
    expect(placesOf(found)).toEqual(['judge']);
    expect(found[0]?.message).toContain('agent/src/a.ts:1, packages/p/src/b.ts:1');
  });

  it('is neither a schema with its type, nor what is passed on, nor a name in a test', () => {
    const found = homonyms(
      treeOf({
        'packages/p/src/a.ts': 'export const Cause = schema(); export type Cause = string;',
        'packages/p/src/index.ts':
          "export { Cause } from './a.ts'; import { Cause as own } from './a.ts'; export { own };",
        'packages/p/src/a.test.ts': 'export const Cause = 1;',
        'packages/p/src/testing/world.ts': 'export const Cause = 1;',
      }),
    );
    expect(found).toEqual([]);
  });
});

describe('a rule', () => {
  it('fails when it names a folder that does not exist', () => {
    const tree = treeOf({
      '.oxlintrc.json': '{ "overrides": [{ "files": ["agent/src/{life,lease}/**"] }] }',
      '.knip.json': '{ "workspaces": { "agent": { "entry": ["src/gone.ts"], "project": ["src/**"] } } }',
      'agent/src/life/life.ts': 'export const life = 1;',
    });
    const own = {
      imports: [{ from: ['agent/src/life'], to: ['agent/src/moved'], instead: '' }],
      places: [],
    };
    expect(placesOf(rulePlaces(tree, own))).toEqual([
      '.dev/structure/layout.mjs: agent/src/moved',
      '.knip.json: agent/src/gone.ts',
      '.oxlintrc.json: agent/src/lease/**',
    ]);
  });
});

describe('a path in a page', () => {
  it('fails when it does not exist, in backticks, after the one beside it, in a command and as a link', () => {
    const found = documentedPaths(
      treeOf({
        'README.md':
          'open `agent/src/life/`, `…/gone/`, `npm test -- packages/gone` or `agent/src/<name>.ts`, see [it](docs/gone.md#a)',
        'docs/map.md':
          '`agent/src/life/life.ts` of [the list](../README.md), `agent/src/lost/<name>.ts`, [out](https://x.y/z)',
        'agent/src/life/life.ts': 'export const life = 1;',
      }),
    );
    expect(placesOf(found)).toEqual([
      'README.md: agent/src/gone',
      'README.md: docs/gone.md',
      'README.md: packages/gone',
      'docs/map.md: agent/src/lost',
    ]);
  });
});

describe('the lists', () => {
  const broken = {
    'agent/src/a.ts': 'export const judge = 1;',
    'agent/src/b.ts': 'export const judge = 2;',
  };
  const ownPlaces = { rule: 'rule-without-place' };
  const check = async (root: string, ...args: string[]) => {
    const printed: string[] = [];
    const code = await runStructure(root, args, (text) => printed.push(text));
    return { code, text: printed.join('\n') };
  };
  /** Writes the list that such a small tree needs: the rules of this repository name folders that it does not have. */
  const listed = async (files: Record<string, string>) => {
    const root = repository({ ...files, '.dev/structure/not-yet.json': '{}' });
    const { text } = await check(root, '--measure');
    const places = text.split('\n').filter((line) => line.startsWith('  .dev/structure/layout.mjs'));
    const list = { homonym: ['judge'], [ownPlaces.rule]: places.map((line) => line.trim()) };
    writeFileSync(join(root, '.dev/structure/not-yet.json'), JSON.stringify(list));
    return root;
  };

  it('let pass what is listed and nothing else', async () => {
    const root = await listed(broken);
    expect(await check(root)).toEqual({ code: 0, text: '' });
    writeFileSync(join(root, 'agent/src/c.ts'), 'export const fleet = 1;');
    expect((await check(root)).text).toContain('agent/src/c.ts names fleet (line 1)');
  });

  it('fail when an entry is mended, until it is taken out', async () => {
    const root = await listed(broken);
    writeFileSync(join(root, 'agent/src/b.ts'), 'export const verdict = 2;');
    const { code, text } = await check(root);
    expect(code).toBe(1);
    expect(text).toContain('homonym judge is mended: delete the entry');
    expect((await check(root, '--rewrite')).code).toBe(0);
    expect(await check(root)).toEqual({ code: 0, text: '' });
  });

  it('never grow', async () => {
    const root = await listed(broken);
    const before = readFileSync(join(root, '.dev/structure/not-yet.json'), 'utf8');
    writeFileSync(join(root, 'agent/src/c.ts'), 'export const verdict = 1;');
    writeFileSync(join(root, 'agent/src/d.ts'), 'export const verdict = 1;');
    const { code, text } = await check(root, '--rewrite');
    expect(code).toBe(1);
    expect(text).toContain('verdict is exported by');
    expect(readFileSync(join(root, '.dev/structure/not-yet.json'), 'utf8')).toBe(before);
  });

  it('want a reason for an exception, and the exception to be needed', async () => {
    const root = await listed({ 'agent/src/a.ts': 'export const judge = 1;' });
    const exceptions = [{ rule: 'homonym', place: 'verdict', reason: '' }];
    writeFileSync(join(root, '.dev/structure/exceptions.json'), JSON.stringify(exceptions));
    const { text } = await check(root);
    expect(text).toContain('homonym verdict is not needed');
    expect(text).toContain('homonym verdict has no reason');
  });
});
