import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the home of the ordinary user lies in the folder of an instance, by the levels at which it is on this computer. */
const HOMES = ['root/home/ubuntu', 'private/home/ubuntu'];

/** Home folders of the instances that a region has now, as paths on this computer. Empty where there is none. */
export async function instanceHomes(stateFolder: string): Promise<readonly string[]> {
  const instances = join(stateFolder, 'instances');
  const ids = await readdir(instances).catch(() => []);
  const homes = ids.flatMap((id) => HOMES.map((home) => join(instances, id, home)));
  const areFolders = await Promise.all(homes.map((home) => isFolder(home)));
  return homes.filter((_, index) => areFolders[index]);
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );
}
