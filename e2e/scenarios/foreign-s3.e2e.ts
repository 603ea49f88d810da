import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '@runctl/core';
import { getToFile, putFile, retrying } from '@runctl/store';
import { describeObjectStore } from '@runctl/store/conformance';
import { temporaryFolder } from '@runctl/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasCeph, rgwVersion, startRgw } from '../support/ceph-rgw.ts';
import { ForeignBucket, motoVersion, startMoto, type ForeignServer } from '../support/foreign-s3.ts';
import { motoGaps, rgwGaps, type GapsOfServer } from '../support/known-gaps.ts';
import { repository } from '../support/runctl.ts';

const MIB = 1024 * 1024;
const python = process.env['RUNCTL_BOTO3_PYTHON'];
const moto = await motoVersion(python);
const rgw = process.env['RUNCTL_CONFORMANCE_RGW'] === '1' && (await hasCeph()) ? await rgwVersion() : null;

holdsUp(moto, motoGaps, () => startMoto(String(python)), {
  name: 'moto',
  missing: 'no moto: set RUNCTL_BOTO3_PYTHON to the python of a virtual environment that has it (see .ci/run)',
});
holdsUp(rgw, rgwGaps, startRgw, {
  name: 'Ceph RGW',
  missing: 'not asked for: RUNCTL_CONFORMANCE_RGW=1, with ceph-mon ceph-osd ceph-common radosgw (docs/s3-servers.md)',
});

/** The conformance suite over one server, and our objects read by the SDK. `version` null = it cannot be had here. */
function holdsUp(
  version: string | null,
  known: GapsOfServer,
  start: () => Promise<ForeignServer>,
  words: { readonly name: string; readonly missing: string },
): void {
  const { name, missing } = words;
  if (version === null) {
    test(`${name} as an object store`, (context) => context.skip(missing));
    return;
  }
  describe(name, () => {
    let opened: ForeignBucket;
    beforeAll(async () => {
      opened = await ForeignBucket.open(await start());
    });
    afterAll(() => opened[Symbol.asyncDispose]());
    describeObjectStore(name, async () => ({ store: opened.store }), { ...known, version });

    test('what we wrote, plain and in parts, is found whole by the SDK, and by us again', async () => {
      await using folder = await temporaryFolder();
      const store = retrying(opened.store, { clock: systemClock });
      for (const [key, sizeBytes] of [
        ['plain', 3 * MIB],
        ['parts', 20 * MIB + 5],
      ] as const) {
        const bytes = randomBytes(sizeBytes);
        const path = join(folder.path, key);
        await writeFile(path, bytes);
        const put = await putFile(store, { key: `data/${key}`, path });
        const read = await opened.read(`data/${key}`);
        expect(Buffer.compare(read.bytes, bytes)).toBe(0);
        expect(read.checked, `${key} has a checksum`).toBe(
          known.keepsChecksums[key === 'plain' ? 'plain' : 'multipart'],
        );
        if (key === 'plain' || known.tellsEtagOfParts) expect((await store.head(`data/${key}`))?.etag).toBe(put.etag);
        await getToFile(store, { key: `data/${key}`, path: `${path}.back` });
        expect(Buffer.compare(await readFile(`${path}.back`), bytes)).toBe(0);
      }
    });
  });
}

test('docs/s3-servers.md has every known gap, and no other', async () => {
  const page = await readFile(join(repository, 'docs/s3-servers.md'), 'utf8');
  const documented = [...page.matchAll(/^\| (.+?) +\| (.+?) +\|$/gm)]
    .map(([, title, why]) => `${title}: ${why}`)
    .filter((line) => !/^(-+|test): /.test(line));
  const known = [rgwGaps, motoGaps].flatMap(({ gaps }) =>
    Object.entries(gaps).map(([title, why]) => `${title}: ${why}`),
  );
  expect(documented).toEqual(known);
  for (const { seenWith } of [rgwGaps, motoGaps]) expect(page).toContain(seenWith);
});
