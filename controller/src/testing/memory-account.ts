import type {
  ActiveLaunch,
  ProviderAccount,
  AccountChange,
  AccountFinding,
  AccountItem,
  AccountPreparation,
  PreparationWish,
} from '@runctl/provider';

const KINDS = ['bucket', 'role', 'service-linked role'] as const;

/** An account that has what is in `made`, and finds what is in `findings`. Service-linked roles are nobody's. */
export class MemoryAccount implements ProviderAccount {
  /** Kind → whether it is ours. */
  readonly made = new Map<string, boolean>();
  findings: AccountFinding[] = [];
  launches: ActiveLaunch[] = [];
  /** Of the wishes that were looked at. */
  readonly wishes: PreparationWish[] = [];

  async *examine(): AsyncGenerator<AccountFinding> {
    yield* this.findings;
  }

  examineLaunch(): Promise<readonly AccountFinding[]> {
    return Promise.resolve(this.findings);
  }

  readonly setup = {
    activeLaunches: (): Promise<readonly ActiveLaunch[]> => Promise.resolve(this.launches),
    look: (wish: PreparationWish): Promise<AccountPreparation> => {
      this.wishes.push(wish);
      return Promise.resolve(this.#preparation(wish));
    },
    make: (wish: PreparationWish) => this.#make(wish),
    remove: () => this.#remove(),
    print: (form: string, { bucket }: PreparationWish): Promise<string> =>
      Promise.resolve(`${form} for ${bucket ?? 'ACCOUNT'}`),
  };

  async *#make(wish: PreparationWish): AsyncGenerator<AccountChange, AccountPreparation> {
    for (const kind of KINDS) {
      if (this.made.has(kind)) continue;
      this.made.set(kind, kind !== 'service-linked role');
      yield { kind, name: `the ${kind}`, change: 'made', note: null };
    }
    return this.#preparation(wish);
  }

  async *#remove(): AsyncGenerator<AccountChange> {
    for (const [kind, ours] of this.made) {
      if (ours) this.made.delete(kind);
      yield { kind, name: `the ${kind}`, change: ours ? 'removed' : 'kept', note: ours ? null : 'shared' };
    }
  }

  #preparation({ bucket, machineRole }: PreparationWish): AccountPreparation {
    const items = KINDS.map((kind): AccountItem => {
      const ours = this.made.get(kind);
      return {
        kind,
        name: `the ${kind}`,
        state: ours === undefined ? 'missing' : 'there',
        ours: ours ?? false,
        note: null,
      };
    });
    const settings = { bucket: bucket ?? 'runctl-1-us-east-1', instance_profile: machineRole ?? 'runctl-instance' };
    return { account: '1', items, settings };
  }
}
