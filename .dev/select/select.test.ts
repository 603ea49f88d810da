import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseTests } from './choose-tests.mjs';
import { chooseConformance, conformanceSuites } from './conformance.mjs';
import { readImportGraph } from './import-graph.mjs';

const FILES = {
  'package.json': '{}',
  'docs/figures.md': 'figures',
  'README.md': 'table',
  'packages/store/package.json': '{"name":"@runctl/store","exports":{".":"./src/index.ts"}}',
  'packages/store/src/index.ts': "export * from './put.ts';",
  'packages/store/src/put.ts': 'export const put = 1;',
  'packages/store/src/put.test.ts': "import { put } from './put.ts'; put;",
  'packages/store/src/memory.test.ts': "import { describeStore } from './port/conformance.ts'; describeStore;",
  'packages/store/src/reads.test.ts': "const fixture = 'fixtures/' + name;",
  'packages/store/src/fixtures/torn.json': '{}',
  'packages/store/src/port/conformance.ts': 'export const describeStore = 1;',
  'packages/unused/src/index.ts': 'export const unused = 1;',
  'packages/unused/src/unused.test.ts': "import { unused } from './index.ts'; unused;",
  'agent/src/main.ts': "import { put } from '@runctl/store'; import { life } from './life/life.ts'; put;",
  'agent/src/life/life.ts': 'export const life = 1;',
  'agent/src/life/life.test.ts': "import { life } from './life.ts'; life;",
  'controller/src/main.ts': "const serve = () => import('./serve.ts'); serve;",
  'controller/src/serve.ts': 'export const serve = 1;',
  'controller/src/commands/launch.ts':
    "import { startLaunch } from '../../../packages/operations/src/launch/start-launch.ts';",
  'controller/src/commands/s3/upload.ts': 'export const upload = 1;',
  'controller/src/commands/s3/upload.test.ts': "import { upload } from './upload.ts'; upload;",
  'controller/src/command-index/command-index.ts': "export const index = readCommands(['../commands']);",
  'controller/src/cli.test.ts': "import { index } from './command-index/command-index.ts'; index;",
  'packages/operations/src/launch/start-launch.ts': 'export const startLaunch = 1;',
  'controller/src/readme.test.ts': "const page = read('../../README.md');",
  'e2e/support/runctl.ts': "export const entry = 'controller/bin/runctl.mjs';",
  'e2e/support/workloads/counter.py': 'print("step 1")',
  'e2e/support/drilling.ts': "import { entry } from './runctl.ts'; export const drill = entry;",
  'e2e/scenarios/drill.e2e.ts': "import { drill } from '../support/drilling.ts'; drill('counter.py');",
  'e2e/scenarios/upload.e2e.ts': "import { entry } from '../support/runctl.ts'; entry(['s3', 'upload', 'a']);",
  'e2e/scenarios/notice.e2e.ts': "import { entry } from '../support/runctl.ts'; entry(['launch', 'train.py']);",
  'e2e/scenarios/examples.e2e.ts': "const script = '../../examples/' + 'char-lm';",
  'examples/char-lm/train.py': 'print("step 1")',
};

let root = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'select-'));
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
});
afterAll(() => rmSync(root, { recursive: true }));

describe('a change', () => {
  const [DRILL, NOTICE, UPLOAD] = ['drill', 'notice', 'upload'].map((name) => `e2e/scenarios/${name}.e2e.ts`);
  it.each([
    ['of a page that nothing reads', 'docs/figures.md', []],
    ['of a page that a test reads', 'README.md', ['controller/src/readme.test.ts']],
    ['of a module that no bundle holds', 'packages/unused/src/index.ts', ['packages/unused/src/unused.test.ts']],
    ['of a module of the agent', 'packages/store/src/put.ts', [DRILL, NOTICE, 'packages/store/src/put.test.ts']],
    ['of a module that every command loads', 'controller/src/serve.ts', [DRILL, NOTICE, UPLOAD]],
    [
      'of a command',
      'controller/src/commands/s3/upload.ts',
      ['controller/src/cli.test.ts', 'controller/src/commands/s3/upload.test.ts', DRILL, UPLOAD],
    ],
    [
      'of what a command imports',
      'packages/operations/src/launch/start-launch.ts',
      ['controller/src/cli.test.ts', DRILL, NOTICE],
    ],
    ['of a test', 'agent/src/life/life.test.ts', ['agent/src/life/life.test.ts']],
    [
      'of a fixture',
      'packages/store/src/fixtures/torn.json',
      ['memory', 'put', 'reads'].map((name) => `packages/store/src/${name}.test.ts`),
    ],
    ['of a workload', 'e2e/support/workloads/counter.py', [DRILL]],
    ['of an example', 'examples/char-lm/train.py', ['e2e/scenarios/examples.e2e.ts']],
    ['of a file that is gone', 'agent/src/life/gone.ts', ['agent/src/life/life.test.ts', DRILL, NOTICE]],
  ])('%s chooses what depends on it', (_, path, tests) => {
    expect(chooseTests(readImportGraph(root), [path]).tests).toEqual(tests);
  });

  it('of the dependencies chooses everything', () => {
    const { tests, reasons } = chooseTests(readImportGraph(root), ['docs/figures.md', 'pnpm-lock.yaml']);
    expect(tests).toHaveLength(Object.keys(FILES).filter((path) => /\.(test|e2e)\.ts$/.test(path)).length);
    expect(reasons).toEqual([expect.stringContaining('pnpm-lock.yaml')]);
  });

  it('says why', () => {
    const { reasons } = chooseTests(readImportGraph(root), ['packages/store/src/put.ts']);
    expect(reasons).toEqual([
      '1 files that import or name what changed',
      '2 more run the agent, which holds packages/store/src/put.ts: drill, notice',
    ]);
  });
});

describe('a conformance suite', () => {
  it('is found by its name, and chooses the tests of its implementations', () => {
    const graph = readImportGraph(root);
    expect([...conformanceSuites(graph)]).toEqual([['store', 'packages/store/src/port/conformance.ts']]);
    expect(chooseConformance(graph, 'store').tests).toEqual(['packages/store/src/memory.test.ts']);
  });

  it('that does not exist is an error that names those that do', () => {
    expect(() => chooseConformance(readImportGraph(root), 'shop')).toThrow(/called shop; there are store/);
  });
});
