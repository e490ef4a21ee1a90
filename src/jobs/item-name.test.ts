import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { safeName } from './item-name.ts';

describe('the name of an item', () => {
  it.each([
    ['photo.jpg', 'photo.jpg'],
    ['day one/photo ä 😀.jpg', 'day one/photo ä 😀.jpg'],
    ['C:\\photos\\a.jpg', 'C_/photos/a.jpg'],
    ['/etc/passwd', 'etc/passwd'],
    ['../../a.jpg', 'a.jpg'],
    ['a/./b//c.jpg', 'a/b/c.jpg'],
    ['line\nbreak?.jpg', 'line_break_.jpg'],
    ['', 'unnamed'],
    ['..', 'unnamed'],
  ])('%j is %j', (given, safe) => {
    expect(safeName(given)).toBe(safe);
  });

  it('keeps the extension of a long name', () => {
    const name = safeName(`${'ä'.repeat(500)}.jpeg`);
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(200);
    expect(name).toMatch(/^ä+\.jpeg$/);
  });

  it('never leads out of a folder, and is itself safe', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (given) => {
        const name = safeName(given);
        const segments = name.split('/');
        expect(segments.every((segment) => segment !== '' && !/^\.+$/.test(segment))).toBe(true);
        expect(name).not.toMatch(/[\\:\p{Cc}]/u);
        expect(safeName(name)).toBe(name);
      }),
    );
  });
});
