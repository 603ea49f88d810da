/** The ordinary user of the machine image. */
export const ordinaryUser = { name: 'ubuntu', uid: 1000, gid: 1000, home: '/home/ubuntu' } as const;

const FIRST_ORDINARY_ID = 1000;
const NOBODY = 65_534;

/** The host's system accounts without its people, and the image's ordinary user. */
export function passwdOf(hostPasswd: string, shell: string): string {
  const { name, uid, gid, home } = ordinaryUser;
  return [...systemLines(hostPasswd), `${name}:x:${uid}:${gid}:Ubuntu:${home}:${shell}`, ''].join('\n');
}

export function groupOf(hostGroup: string): string {
  return [...systemLines(hostGroup), `${ordinaryUser.name}:x:${ordinaryUser.gid}:`, ''].join('\n');
}

/** Nobody can log in with a password, and the host's hashes are not shown. */
export function shadowOf(hostPasswd: string): string {
  const names = systemLines(hostPasswd).map((line) => line.split(':')[0]);
  return [...names, ordinaryUser.name].map((name) => `${name}:*:20000:0:99999:7:::\n`).join('');
}

function systemLines(text: string): string[] {
  return text.split('\n').filter((line) => {
    const [name, , id] = line.split(':');
    if (id === undefined || name === ordinaryUser.name) return false;
    return Number(id) < FIRST_ORDINARY_ID || Number(id) === NOBODY;
  });
}
