import type { AccountFinding } from '@runctl/provider';

/** Programs of the laptop that commands call, and what is missing without them. */
const PROGRAMS = [
  { name: 'git', without: 'a project is sent without regard to .gitignore' },
  { name: 'ssh', without: '`status --live --via ssh` and `attach --via ssh` do not work; all else does' },
] as const;

/** A program that is not there ends no launch, so it is said and no problem. `find` gives its path, or null. */
export async function examinePrograms(
  find: (name: string) => Promise<string | null>,
): Promise<readonly AccountFinding[]> {
  return Promise.all(
    PROGRAMS.map(async ({ name, without }): Promise<AccountFinding> => {
      const path = await find(name);
      const shared = { subject: name, fix: null, errorCode: null };
      if (path !== null) return { ...shared, state: 'ok', text: path };
      return { ...shared, state: 'unknown', text: `not found here: ${without}`, fix: `install ${name}` };
    }),
  );
}
