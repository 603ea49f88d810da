import { runKeys } from '@runctl/protocol';
import type { ObjectStore } from '@runctl/store';
import { expect, test } from 'vitest';
import { never, openWorld, RUN, SETTLE_MS } from '../testing/test-world.ts';

/** As the store, but the answer to the next move of the pointer is lost as `cut` says. */
function losingAnswers(store: ObjectStore): { readonly store: ObjectStore; readonly lose: (cut: () => Error) => void } {
  let lost: (() => Error) | null = null;
  const put: ObjectStore['put'] = async (key, ...rest) => {
    const stored = await store.put(key, ...rest);
    const cut = key === runKeys(RUN).latest ? lost : null;
    if (cut === null) return stored;
    lost = null;
    throw cut();
  };
  return {
    store: new Proxy(store, {
      get: (target, name) => {
        const value: unknown = name === 'put' ? put : Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    }),
    lose: (cut) => (lost = cut),
  };
}

test.each(['the pass is cut short', 'the connection breaks'])(
  'no older save follows one that became durable while %s',
  async (what) => {
    await using world = await openWorld();
    const { store, lose } = losingAnswers(world.store);
    const publisher = world.publisher({ store });
    await world.write('step-10.bin', 'ten', 80_000);
    await world.settleAndPass(publisher);
    expect(await world.pointer()).toMatchObject({ step: 10 });

    await world.write('step-30.bin', 'thirty', 70_000);
    await world.write('step-40.bin', 'forty');
    await publisher.pass({ signal: never });
    await world.clock.advance(SETTLE_MS);
    const pass = new AbortController();
    lose(() => {
      if (what === 'the pass is cut short') pass.abort(new Error('a notice'));
      return new Error('connection reset');
    });
    expect(await publisher.pass({ signal: pass.signal })).toMatchObject({ published: null });
    expect(await world.pointer()).toMatchObject({ step: 40 });

    // The look that found step 40 closed came after the kill: it may have been open then. Step 30 is old enough.
    await publisher.pass({ signal: never, ended: { atMs: world.clock.wallMs() - 100, clean: false } });
    expect(await world.pointer()).toMatchObject({ step: 40 });
    expect((await publisher.pass({ signal: never })).durable).toMatchObject({ step: 40 });
  },
);
