import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { folderPath, objectPath, segmentOf } from './paths.ts';

const segment = fc
  .string({ unit: 'binary', minLength: 1 })
  .filter((text) => text.isWellFormed() && !text.includes('/') && text !== '.' && text !== '..');

describe('paths of keys', () => {
  test('have harmless names that tell the key again, objects and folders apart', () => {
    fc.assert(
      fc.property(segment, segment, (folder, name) => {
        const path = objectPath('/root', `${folder}/${name}`);
        expect(path).toMatch(/^\/root\/[A-Za-z0-9._%-]+\/[A-Za-z0-9._%-]+=$/);
        const [, , inFolder = '', inName = ''] = path.split('/');
        expect(segmentOf(inFolder, true)).toBe(`${folder}/`);
        expect(segmentOf(inName, false)).toBe(name);
        expect(folderPath('/root', `${folder}/`)).toBe(`/root/${inFolder}`);
      }),
    );
  });
});
