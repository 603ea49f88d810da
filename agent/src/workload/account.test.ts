import { describe, expect, test } from 'vitest';
import { type AccountFacts, becoming, workloadAccount } from './account.ts';

const passwd = [
  'root:x:0:0:root:/root:/bin/bash',
  'ec2-user:x:1001:1002:EC2:/home/ec2-user:/bin/bash',
  'ubuntu:x:1000:1000:Ubuntu:/home/ubuntu:/bin/bash',
].join('\n');
const root: AccountFacts = {
  uid: 0,
  passwd,
  uidMap: '         0          0 4294967295\n',
  instanceRoot: '',
  environment: { user: 'root', home: '/root' },
};

describe('who runs the workload', () => {
  test("is the image's ordinary user, never root", () => {
    expect(workloadAccount(root)).toEqual({ name: 'ubuntu', home: '/home/ubuntu', switchTo: { uid: 1000, gid: 1000 } });
    const amazon = workloadAccount({ ...root, passwd: passwd.replace(/^ubuntu.*$/m, '') });
    expect(amazon).toEqual({ name: 'ec2-user', home: '/home/ec2-user', switchTo: { uid: 1001, gid: 1002 } });
    expect(workloadAccount({ ...root, passwd: '' }).switchTo).toEqual({ uid: 1000, gid: 1000 });
  });

  test("is the agent's own user when that is not root, in a rehearsal below a folder, and where no other is mapped", () => {
    expect(workloadAccount({ ...root, uid: 1000, environment: { user: 'me', home: '/home/me' } })).toEqual({
      name: 'me',
      home: '/home/me',
      switchTo: null,
    });
    expect(workloadAccount({ ...root, instanceRoot: '/tmp/i-1' })).toMatchObject({
      home: '/tmp/i-1/home/ubuntu',
      switchTo: null,
    });
    expect(workloadAccount({ ...root, uidMap: '0 1000 1\n' }).switchTo).toBeNull();
  });

  test('keeps the groups that the user has: devices are often a group’s', () => {
    const account = workloadAccount(root);
    expect(becoming(account, () => true)).toEqual(['setpriv', '--reuid=1000', '--regid=1000', '--init-groups', '--']);
    expect(becoming(account, () => false)).toContain('--clear-groups');
    expect(becoming({ ...account, switchTo: null }, () => true)).toEqual([]);
  });
});
