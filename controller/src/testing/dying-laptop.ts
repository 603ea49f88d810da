import type { Provider } from '@runctl/provider';
import { intercepted } from '@runctl/store';
import type { CommandWorld } from './command-world.ts';

/** A call that a laptop does not live to make: part of the key that it writes, or a method of the provider that changes something. */
export interface LastCall {
  readonly call: string;
  /** Which of the calls that fit, from 1. */
  readonly nth?: number;
}

/** From that call on nothing that a laptop asks for takes place, until it is revived. */
export function dyingLaptop(world: CommandWorld, { call, nth = 1 }: LastCall): { readonly revive: () => void } {
  let isDead = false;
  let count = 0;
  const { store } = world;
  const perform = <T>(what: string, work: () => Promise<T>): Promise<T> => {
    if (what.includes(call)) count += 1;
    isDead ||= count >= nth;
    return isDead ? Promise.reject(new Error('the laptop is dead')) : work();
  };
  world.cloudStore = intercepted(store, ({ operation: method, key }, work) =>
    perform(method === 'put' ? (key ?? '') : 'a read', work),
  );
  world.beforeProvider = (provider) =>
    new Proxy(provider, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function' || ['nameOf', 'describe', 'close'].includes(String(name))) return value;
        return (...args: unknown[]) =>
          perform(
            ['launch', 'end'].includes(String(name)) ? `provider.${String(name)}` : 'a look',
            () => value.apply(target, args) as Promise<unknown>,
          );
      },
    }) satisfies Provider;
  return {
    revive: () => {
      world.cloudStore = store;
      world.beforeProvider = (provider) => provider;
    },
  };
}
