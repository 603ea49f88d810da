import { crc32 } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { combineCrcs, Crc64Nvme, crc32c, crcShapes } from './crc.ts';

const CHECK = Buffer.from('123456789');

function crc64(...pieces: Uint8Array[]): bigint {
  const crc = new Crc64Nvme();
  for (const piece of pieces) crc.update(piece);
  return crc.digest().readBigUInt64BE();
}

describe('CRCs', () => {
  it('give the published check values for "123456789"', () => {
    expect(crc32c(CHECK)).toBe(0xe3069283);
    expect(crc64(CHECK)).toBe(0xae8b14860a799888n);
  });

  it('do not depend on how the data is cut', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 200 }), (left, right) => {
        const whole = Buffer.concat([left, right]);
        expect(crc32c(right, crc32c(left))).toBe(crc32c(whole));
        expect(crc64(left, right)).toBe(crc64(whole));
      }),
    );
  });

  it('of pieces combine into that of the whole', () => {
    const crcs = {
      CRC32: (data: Uint8Array) => BigInt(crc32(data)),
      CRC32C: (data: Uint8Array) => BigInt(crc32c(data)),
      CRC64NVME: (data: Uint8Array) => crc64(data),
    };
    fc.assert(
      fc.property(
        fc.constantFrom(...(Object.keys(crcs) as (keyof typeof crcs)[])),
        fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 5 }),
        (algorithm, pieces) => {
          const crc = crcs[algorithm];
          const parts = pieces.map((piece) => ({ crc: crc(piece), sizeBytes: piece.length }));
          expect(combineCrcs(crcShapes[algorithm], parts)).toBe(crc(Buffer.concat(pieces)));
        },
      ),
    );
  });
});
