import { link, lstat, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { SecretLinks } from './secret-places.ts';

const MOST_ENTRIES = 5;

test.each(['', '.docker', '.cache/huggingface', '.env'])('secrets are found though ~/%s is full', async (crowded) => {
  await using folder = await temporaryFolder('runctl-home');
  const [home, project] = [join(folder.path, 'home'), join(folder.path, 'project')];
  await mkdir(join(home, crowded), { recursive: true });
  await mkdir(project);
  for (let at = 0; at < MOST_ENTRIES; at++) await writeFile(join(home, crowded, `f${at}`), '');
  for (const secret of ['.config/some-cli/hf_token', '.aws/credentials', '.kube/config']) {
    await mkdir(dirname(join(home, secret)), { recursive: true });
    await writeFile(join(home, secret), 'secret');
    const other = join(project, secret.replaceAll('/', '-').slice(1));
    await link(join(home, secret), other);
    expect(await new SecretLinks(project, home, MOST_ENTRIES).has(await lstat(other))).toBe(true);
  }
});
