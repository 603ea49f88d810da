import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Comparison } from './checksums.ts';
import type { LocalFile } from './local-tree.ts';
import { type Direction, pairsToCompare, type TreePlanInput, planTree, type Preference } from './plan.ts';
import type { RemoteFile } from './remote-tree.ts';

/** One file's content on each side as a small number; null = not there. */
type Sides = Readonly<Record<string, { readonly here: number | null; readonly there: number | null }>>;

const sides = fc.dictionary(
  fc.constantFrom('a', 'b', 'a/x', 'c/d/e', 'ü', 'z'),
  fc.record({
    here: fc.option(fc.nat(5), { nil: null }),
    there: fc.option(fc.nat(5), { nil: null }),
  }),
);
/** Contents 0 and 1 have one byte, 2 and 3 two, … so that equal sizes do not mean equal contents. */
const sizeOf = (content: number) => Math.floor(content / 2) + 1;

const localOf = (world: Sides): LocalFile[] =>
  Object.entries(world).flatMap(([path, { here }]) =>
    here === null ? [] : [{ path, sizeBytes: sizeOf(here), modifiedMs: here * 1000 }],
  );
const remoteOf = (world: Sides): RemoteFile[] =>
  Object.entries(world).flatMap(([path, { there }]) =>
    there === null
      ? []
      : [{ path, key: `p/${path}`, sizeBytes: sizeOf(there), etag: `e${there}`, lastModifiedMs: there * 1000 }],
  );

function inputOf(world: Sides, options: Pick<TreePlanInput, 'direction' | 'deleteOthers' | 'prefer'>): TreePlanInput {
  const local = localOf(world);
  const remote = remoteOf(world);
  const compared = new Map(
    pairsToCompare(local, remote).map((pair): [string, Comparison] => {
      const side = world[pair.local.path];
      return [pair.local.path, { same: side?.here === side?.there, by: 'crc32' }];
    }),
  );
  return { local, remote, compared, ...options };
}

/** What both sides hold when a plan was carried out. */
function carriedOut(world: Sides, input: TreePlanInput): Sides {
  const after: Record<string, { here: number | null; there: number | null }> = structuredClone(world);
  for (const { kind, path } of planTree(input)) {
    const side = after[path];
    if (side === undefined) throw new Error(`the plan made up ${path}`);
    if (kind === 'upload') side.there = side.here;
    if (kind === 'download') side.here = side.there;
    if (kind === 'delete-local') side.here = null;
    if (kind === 'delete-remote') side.there = null;
  }
  return after;
}

const directions = fc.constantFrom<Direction>('up', 'down', 'both');
const preferences = fc.constantFrom<Preference | undefined>('local', 'remote', 'newer', undefined);

describe('the plan of a transfer', () => {
  test('makes the destination what the source is, and never touches the source', () => {
    fc.assert(
      fc.property(sides, fc.constantFrom<Direction>('up', 'down'), fc.boolean(), (world, direction, deleteOthers) => {
        const after = carriedOut(world, inputOf(world, { direction, deleteOthers }));
        for (const [path, { here, there }] of Object.entries(world)) {
          const [source, other] = direction === 'up' ? [here, there] : [there, here];
          const side = after[path];
          const [sourceAfter, otherAfter] = direction === 'up' ? [side?.here, side?.there] : [side?.there, side?.here];
          expect(sourceAfter).toBe(source);
          expect(otherAfter).toBe(source ?? (deleteOthers ? null : other));
        }
      }),
    );
  });

  test('loses no content of either side when it goes both ways, unless a preference says which', () => {
    fc.assert(
      fc.property(sides, preferences, (world, prefer) => {
        const options = { direction: 'both' as const, deleteOthers: true, ...(prefer === undefined ? {} : { prefer }) };
        const after = carriedOut(world, inputOf(world, options));
        for (const [path, { here, there }] of Object.entries(world)) {
          const side = after[path];
          if (here === null || there === null) expect(side).toEqual({ here: here ?? there, there: there ?? here });
          else if (prefer === undefined) expect(side).toEqual({ here, there });
          else if (prefer === 'local') expect(side).toEqual({ here, there: here });
          else if (prefer === 'remote') expect(side).toEqual({ here: there, there });
          else expect(side).toEqual({ here: Math.max(here, there), there: Math.max(here, there) });
        }
      }),
    );
  });

  test('finds nothing to do where it was carried out', () => {
    fc.assert(
      fc.property(sides, directions, fc.boolean(), (world, direction, deleteOthers) => {
        const options = { direction, deleteOthers, prefer: 'local' as const };
        const after = carriedOut(world, inputOf(world, options));
        const left = planTree(inputOf(after, options)).filter((action) => action.kind !== 'keep');
        expect(left).toEqual([]);
      }),
    );
  });

  test('sends what no checksum tells to be the same, however alike size and time are', () => {
    const world = { a: { here: 2, there: 2 } };
    const input = { ...inputOf(world, { direction: 'up' }), compared: new Map() };
    expect(planTree(input)).toMatchObject([{ kind: 'upload', why: 'the object has no checksum to compare with' }]);
  });

  test('deletes nothing below what could not be read', () => {
    const world = { 'c/d/e': { here: null, there: 1 }, cc: { here: null, there: 1 } };
    const input = { ...inputOf(world, { direction: 'up', deleteOthers: true }), spared: ['c'] };
    expect(planTree(input).map(({ kind, path }) => [kind, path])).toEqual([['delete-remote', 'cc']]);
  });
});
