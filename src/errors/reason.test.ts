import { describe, expect, it } from 'vitest';
import { reasonOf, systemErrorCode } from './reason.ts';

describe('the reason of an error', () => {
  it('is its message, or its code where it has none', () => {
    expect(reasonOf(new Error('no room'))).toBe('no room');
    expect(reasonOf(Object.assign(new Error(''), { code: 'ECONNREFUSED' }))).toBe('ECONNREFUSED');
    expect(reasonOf('a text')).toBe('a text');
  });

  it('names what lay beneath it, once', () => {
    const refused = new Error('connect ECONNREFUSED');
    expect(reasonOf(new TypeError('fetch failed', { cause: refused }))).toBe('fetch failed (connect ECONNREFUSED)');
    expect(reasonOf(new Error('no answer: connect ECONNREFUSED', { cause: refused }))).toBe(
      'no answer: connect ECONNREFUSED',
    );
  });

  it('names all that failed together', () => {
    expect(reasonOf(new AggregateError([new Error('by IPv6'), new Error('by IPv4')]))).toBe('by IPv6; by IPv4');
  });
});

it('a code is that of a system call, and no number', () => {
  expect(systemErrorCode(Object.assign(new Error(''), { code: 'ENOENT' }))).toBe('ENOENT');
  expect(systemErrorCode(Object.assign(new Error(''), { code: 42 }))).toBeUndefined();
  expect(systemErrorCode('ENOENT')).toBeUndefined();
});
