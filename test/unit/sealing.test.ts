import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Sealing } from '../../store/sealing.ts';

const newKey = (id: string) => ({ id, key: randomBytes(32) });
const place = { destinationId: 'dst_a', field: 'password' };

describe('a sealed secret', () => {
  test('opens to what was sealed, whatever text that was, and is another text each time', () => {
    const sealing = new Sealing([newKey('k1')]);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (secret) => {
        const sealed = sealing.seal(secret, place);
        expect(sealing.open(sealed, place)).toBe(secret);
        expect(sealing.seal(secret, place)).not.toBe(sealed);
      }),
    );
  });

  test('opens with a key that only opens any more, and is sealed anew with the first one', () => {
    const [old, young] = [newKey('old'), newKey('young')];
    const sealed = new Sealing([old]).seal('s', place);
    const both = new Sealing([young, old]);
    expect(both.open(sealed, place)).toBe('s');
    expect(both.seal('s', place)).toMatch(/^v1\.young\./);
  });

  test('names the key that is missing', () => {
    const sealed = new Sealing([newKey('lost')]).seal('s', place);
    const open = () => new Sealing([newKey('k1')]).open(sealed, place);
    expect(open).toThrow(
      expect.objectContaining({ code: 'secret_key_missing', remedy: expect.stringContaining('"lost"') }),
    );
  });

  test('opens though the id of its key is damaged, and not though its form is', () => {
    const sealing = new Sealing([newKey('k1'), newKey('k2')]);
    const sealed = sealing.seal('s', place);
    expect(sealing.open(sealed.replace('v1.k1.', 'v1.kq.'), place)).toBe('s');
    for (const damaged of ['v2.k1.', 'v1.k1', 'v1.k 1.', 'v1..', '']) {
      const open = () => sealing.open(sealed.replace('v1.k1.', damaged), place);
      expect(open).toThrow(expect.objectContaining({ code: 'secret_unreadable' }));
    }
  });

  test('does not open with another key of the same name, at another destination or in another field', () => {
    const sealing = new Sealing([newKey('k1')]);
    const sealed = sealing.seal('s', place);
    const unreadable = expect.objectContaining({ code: 'secret_unreadable' });
    expect(() => new Sealing([newKey('k1')]).open(sealed, place)).toThrow(unreadable);
    expect(() => sealing.open(sealed, { ...place, destinationId: 'dst_b' })).toThrow(unreadable);
    expect(() => sealing.open(sealed, { ...place, field: 'clientSecret' })).toThrow(unreadable);
  });

  test('does not open once a single bit of it was changed', () => {
    const sealing = new Sealing([newKey('k1')]);
    const [format, id, body = ''] = sealing.seal('secret', place).split('.');
    const bytes = Buffer.from(body, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      const text = [format, id, changed.toString('base64url')].join('.');
      expect(() => sealing.open(text, place)).toThrow('secret_unreadable');
    }
  });
});
