/** The user that runs the workload. */
export interface Account {
  readonly name: string;
  readonly home: string;
  /** Null: the agent's own user. */
  readonly switchTo: { readonly uid: number; readonly gid: number } | null;
}

export interface AccountFacts {
  readonly uid: number;
  /** `/etc/passwd`. */
  readonly passwd: string;
  /** `/proc/self/uid_map`; null where there is none. */
  readonly uidMap: string | null;
  readonly instanceRoot: string;
  readonly environment: { readonly user: string | undefined; readonly home: string | undefined };
}

/** Users that cloud images make for people, in order. */
const ORDINARY = ['ubuntu', 'ec2-user', 'admin', 'debian'];
const FIRST_UID = 1000;

/**
 * The AMI's ordinary user when the agent is root, else the agent's own. Below an instance root (a rehearsal without users
 * of its own) and where the kernel maps no other user it is the agent's own too: there root is not the machine's root.
 */
export function workloadAccount(facts: AccountFacts): Account {
  const own = facts.environment.user ?? 'runctl';
  if (facts.instanceRoot !== '') return { name: own, home: `${facts.instanceRoot}/home/ubuntu`, switchTo: null };
  const users = facts.passwd.split('\n').flatMap((line) => {
    const [name = '', , uid = '', gid = '', , home = ''] = line.split(':');
    return name === '' ? [] : [{ name, uid: Number(uid), gid: Number(gid), home }];
  });
  const ownHome = facts.environment.home ?? users.find((user) => user.uid === facts.uid)?.home ?? '/tmp';
  if (facts.uid !== 0) return { name: own, home: ownHome, switchTo: null };
  const chosen = ORDINARY.map((name) => users.find((user) => user.name === name)).find((user) => user !== undefined) ??
    users.find((user) => user.uid === FIRST_UID) ?? {
      name: 'ubuntu',
      uid: FIRST_UID,
      gid: FIRST_UID,
      home: '/home/ubuntu',
    };
  if (!isMapped(chosen.uid, facts.uidMap)) return { name: own, home: ownHome, switchTo: null };
  return { name: chosen.name, home: chosen.home, switchTo: { uid: chosen.uid, gid: chosen.gid } };
}

function isMapped(uid: number, uidMap: string | null): boolean {
  if (uidMap === null) return true;
  return uidMap.split('\n').some((line) => {
    const [inside, , count] = line.trim().split(/\s+/).map(Number);
    return inside !== undefined && count !== undefined && uid >= inside && uid < inside + count;
  });
}

/** The command that becomes another user and keeps that user's groups (devices are often a group's). */
export function becoming(account: Account, known: (name: string) => boolean): readonly string[] {
  if (account.switchTo === null) return [];
  const { uid, gid } = account.switchTo;
  const groups = known(account.name) ? '--init-groups' : '--clear-groups';
  return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, groups, '--'];
}
