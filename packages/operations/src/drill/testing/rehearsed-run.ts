import {
  defaultRetention,
  defaultTiming,
  encodeDocument,
  FORMAT_VERSION,
  runKeys,
  runSpec,
  type RunSpec,
  timestampOf,
} from '@runctl/protocol';
import { MemoryStore } from '@runctl/store';
import type { FakeClock } from '@runctl/testkit';
import { WrittenRun } from '../../testing/written-run.ts';

const RUN = 'r-abcdefghij';

/** A run in a store of its own that has its specification and nothing else. */
export async function rehearsedRun(clock: FakeClock): Promise<WrittenRun> {
  const store = new MemoryStore({ clock });
  const spec: RunSpec = {
    version: FORMAT_VERSION,
    run: RUN,
    name: null,
    createdAt: timestampOf(clock.wallMs()),
    launchedBy: 'me@here',
    nodes: 1,
    project: null,
    workload: { kind: 'command', folder: '', command: ['train'], env: {} },
    checkpoint: { dir: 'checkpoints', resume: 'auto', resumeArgument: null, keep: defaultRetention },
    policy: { graceMs: null, budgetUsd: null, maxInterruptions: null, maxCrashes: 3 },
    timing: defaultTiming,
  };
  await store.put(runKeys(RUN).spec, encodeDocument(runSpec, spec));
  return new WrittenRun(store, RUN, clock);
}
