import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AllowList } from './allow-list.ts';
import { FetchGuard } from './fetch-guard.ts';
import { guardedRequest } from './guarded-request.ts';
import { isPublic } from './public-address.ts';

const allHosts = new AllowList(['*']);
const unresolved = () => Promise.reject(new Error('looked up'));
const openGuard = new FetchGuard(allHosts, unresolved);

const outcomeOf = (guard: FetchGuard, url: string) =>
  guard.admit(url).then(
    ({ addresses }) => addresses.join(),
    (error: unknown) => (error as { code: string }).code,
  );

describe('a URL that leads into the own network', () => {
  it.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0x7f.0.0.1/',
    'http://0177.0.0.1/',
    'http://017700000001/',
    'http://010.000.000.001/',
    'http://0/',
    'http://0.0.0.0/',
    'http://10.0.0.1/',
    'http://172.16.0.1/',
    'http://172.31.255.255/',
    'http://192.168.1.1/',
    'http://100.64.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://198.18.0.1/',
    'http://224.0.0.1/',
    'http://240.0.0.1/',
    'http://255.255.255.255/',
    'http://[::]/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[::127.0.0.1]/',
    'http://[::7f00:1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[64:ff9b:1::7f00:1]/',
    'http://[2002:7f00:1::]/',
    'http://[2001:0:7f00:1::]/',
    'http://[2606:4700::5efe:7f00:1]/',
    'http://[2606:4700::200:5efe:a00:1]/',
    'http://[fe80::1]/',
    'http://[fec0::1]/',
    'http://[fc00::1]/',
    'http://[fd12:3456::1]/',
    'http://[ff02::1]/',
    'http://[2001:db8::1]/',
    'http://[3fff::1]/',
    'http://[100::1]/',
    'http://１２７.0.0.1/',
    'http://127。0。0。1/',
    'http://%31%32%37.0.0.1/',
    'http://8.8.8.8@127.0.0.1/',
    'http://127.0.0.1\\@8.8.8.8/',
    'http://134744072/',
    'http://8.8.8.8:22/',
    'ftp://8.8.8.8/',
    'file:///etc/passwd',
    'http:8.8.8.8/',
    '//8.8.8.8/',
    'http://8.8.8.8 /',
    'h\nttp://8.8.8.8/',
    '',
  ])('is denied: %j', async (url) => {
    expect(await outcomeOf(openGuard, url)).toMatch(/^(url_not_allowed|invalid_request)$/);
  });

  it.each(['127.0.0.1', '10.1.2.3', '::1', 'fd00::1', '::ffff:10.0.0.1', '169.254.169.254'])(
    'is denied by its name: one that resolves to %s, also next to a public address',
    async (address) => {
      for (const addresses of [[address], ['8.8.8.8', address], [address, '2606:4700::1111']]) {
        const guard = new FetchGuard(allHosts, () => Promise.resolve(addresses));
        expect(await outcomeOf(guard, 'http://example.com/')).toBe('url_not_allowed');
      }
    },
  );

  it('is denied in each of 100,000 forms', async () => {
    await fc.assert(
      fc.asyncProperty(urls(forbiddenAddress), async (url) => {
        expect(['url_not_allowed', 'invalid_request', 'fetch_failed']).toContain(await outcomeOf(openGuard, url));
      }),
      { numRuns: 100_000 },
    );
  });
});

describe('a URL that leads to the internet', () => {
  it.each([
    ['http://8.8.8.8/a?b=c', '8.8.8.8'],
    ['HTTPS://8.8.8.8:443', '8.8.8.8'],
    ['https://[2606:4700:4700::1111]/', '2606:4700:4700::1111'],
  ])('is admitted: %s', async (url, address) => {
    expect(await outcomeOf(openGuard, url)).toBe(address);
  });

  it('is admitted with the address of its name', async () => {
    const guard = new FetchGuard(allHosts, () => Promise.resolve(['8.8.8.8', '2606:4700::1111']));
    expect(await outcomeOf(guard, 'https://bücher.example/')).toBe('8.8.8.8,2606:4700::1111');
  });

  it('is no special address, whatever the form that a test writes', () => {
    fc.assert(
      fc.property(forbiddenAddress, (parts) => {
        expect(isPublic(parts.join('.'))).toBe(false);
      }),
    );
  });
});

describe('the list of what is allowed', () => {
  const admits = (entries: string[], url: string, ...addresses: string[]) =>
    new AllowList(entries).admits(new URL(url), addresses);

  it.each([
    [['example.com'], 'https://example.com/', true],
    [['example.com'], 'https://example.com./', true],
    [['EXAMPLE.com'], 'https://Example.COM/', true],
    [['example.com'], 'https://example.com:8443/', false],
    [['example.com:8443'], 'https://example.com:8443/', true],
    [['example.com:8443'], 'https://example.com/', false],
    [['example.com'], 'https://a.example.com/', false],
    [['example.com'], 'https://notexample.com/', false],
    [['*.example.com'], 'https://a.b.example.com/', true],
    [['*.example.com'], 'https://example.com/', false],
    [['*.example.com'], 'https://example.com.evil.org/', false],
    [['*'], 'https://anything.org/', true],
    [[], 'https://example.com/', false],
  ])('%j and %s: %j', (entries, url, expected) => {
    expect(admits(entries, url, '8.8.8.8')).toBe(expected);
    expect(admits(entries, url)).toBe(false);
  });

  it('allows a private network that is named as such, and no other', () => {
    expect(admits(['10.1.0.0/16'], 'http://images.internal:9000/', '10.1.2.3')).toBe(true);
    expect(admits(['10.1.0.0/16'], 'http://images.internal/', '10.2.2.3')).toBe(false);
    expect(admits(['10.1.0.0/16'], 'http://images.internal/', '10.1.2.3', '10.2.2.3')).toBe(false);
    expect(admits(['fd00:1::/32', '*'], 'http://images.internal/', 'fd00:1::1', '8.8.8.8')).toBe(true);
    expect(admits(['127.0.0.1'], 'http://127.0.0.1:8080/', '127.0.0.1')).toBe(true);
    expect(admits(['127.0.0.1'], 'http://127.0.0.1:8080/', '::ffff:127.0.0.1')).toBe(false);
  });

  it('never allows the metadata service of a cloud', () => {
    expect(admits(['169.254.0.0/16'], 'http://169.254.169.254/', '169.254.169.254')).toBe(false);
  });

  it.each([['0.0.0.0/0'], ['::/0'], ['10.0.0.0/7'], ['https://example.com'], ['exa mple.com'], ['*.*.com'], ['a/b']])(
    'rejects %s',
    (entry) => {
      expect(() => new AllowList([entry])).toThrow(entry);
    },
  );

  it('looks no host up that nobody has named', async () => {
    const asked: string[] = [];
    const resolve = (host: string) => {
      asked.push(host);
      return Promise.resolve(['8.8.8.8']);
    };
    expect(await outcomeOf(new FetchGuard(new AllowList(['example.com']), resolve), 'http://other.org/')).toBe(
      'url_not_allowed',
    );
    expect(asked).toEqual([]);
  });
});

describe('a name that resolves to another address the second time', () => {
  const LIMITS = { maxBytes: 1000, timeoutMs: 20_000 };
  let allowed: Server;
  let internal: Server;
  let port: number;
  const reached: string[] = [];

  beforeAll(async () => {
    allowed = createServer((_, response) => {
      reached.push('allowed');
      response.end('allowed');
    });
    internal = createServer((_, response) => {
      reached.push('internal');
      response.end('internal');
    });
    await once(allowed.listen(0, '127.0.0.2'), 'listening');
    ({ port } = allowed.address() as AddressInfo);
    await once(internal.listen(port, '127.0.0.3'), 'listening');
  });
  afterAll(() => {
    allowed.close();
    internal.close();
  });

  it('is asked once, and connected to at the address that was checked', async () => {
    const answers = ['127.0.0.2', '127.0.0.3', '127.0.0.3'];
    const resolve = () => Promise.resolve([answers.shift()!]);
    const guard = new FetchGuard(new AllowList(['127.0.0.2/32']), resolve);
    const url = `http://rebinding.example:${port}/`;

    const admitted = await guard.admit(url);
    const { body } = await guardedRequest(admitted, { method: 'GET' }, LIMITS, new AbortController().signal);

    expect({ body: body.toString(), reached, left: answers.length }).toEqual({
      body: 'allowed',
      reached: ['allowed'],
      left: 2,
    });
    expect(await outcomeOf(guard, url)).toBe('url_not_allowed');
    expect(reached).toEqual(['allowed']);
  });
});

/** The registries of special IPv4 addresses (IANA), written down independently of the library in use. */
const SPECIAL: readonly (readonly [parts: readonly number[], prefix: number])[] = [
  [[0, 0, 0, 0], 8],
  [[10, 0, 0, 0], 8],
  [[100, 64, 0, 0], 10],
  [[127, 0, 0, 0], 8],
  [[169, 254, 0, 0], 16],
  [[172, 16, 0, 0], 12],
  [[192, 0, 0, 0], 24],
  [[192, 0, 2, 0], 24],
  [[192, 168, 0, 0], 16],
  [[198, 18, 0, 0], 15],
  [[198, 51, 100, 0], 24],
  [[203, 0, 113, 0], 24],
  [[224, 0, 0, 0], 4],
  [[240, 0, 0, 0], 4],
];

const toNumber = (parts: readonly number[]) => parts.reduce((sum, part) => sum * 256 + part, 0);
const toParts = (number: number) => [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256);

const forbiddenAddress = fc
  .constantFrom(...SPECIAL)
  .chain(([parts, prefix]) => fc.nat(2 ** (32 - prefix) - 1).map((offset) => toParts(toNumber(parts) + offset)));

/** Every way to write a host that parsers of URLs and of addresses know. */
function urls(addresses: fc.Arbitrary<number[]>): fc.Arbitrary<string> {
  const oneForm = fc.constantFrom(...FORMS, ...IPV6_FORMS);
  const end = fc.constantFrom('', '/', ':80/', ':443/a', '/?q', '#f', './', ':8080/');
  const scheme = fc.constantFrom(
    'http://',
    'https://',
    'HTTP://',
    'http:/\\',
    'http:///',
    'http://user@',
    'http://8.8.8.8@',
  );
  return fc
    .tuple(scheme, addresses, oneForm, fc.nat(7), end, fc.boolean())
    .map(([start, parts, form, choice, tail, isNormal]) => {
      const url = `${start}${form(parts, choice)}${tail}`;
      // As a caller may write it after another parser has read it: not every odd form is denied for being odd.
      return isNormal ? (URL.parse(url)?.href ?? url) : url;
    });
}

type Form = (parts: number[], choice: number) => string;

const octal = (part: number) => `0${part.toString(8)}`;
const hex = (part: number) => `0x${part.toString(16)}`;
const group = (high: number, low: number) => (high * 256 + low).toString(16);

const FORMS: Form[] = [
  (parts) => parts.join('.'),
  (parts) => String(toNumber(parts)),
  (parts) => hex(toNumber(parts)),
  (parts) => octal(toNumber(parts)),
  (parts) => parts.map(octal).join('.'),
  (parts) => parts.map(hex).join('.'),
  (parts, choice) => parts.map((part, at) => [String, octal, hex][(choice + at) % 3]!(part)).join('.'),
  ([a, b, c, d]) => `${a!}.${b!}.${c! * 256 + d!}`,
  ([a, ...rest]) => `${a!}.${toNumber([0, ...rest])}`,
  ([a, ...rest]) => `${hex(a!)}.${octal(toNumber([0, ...rest]))}`,
  (parts) => parts.join('。'),
  (parts) => parts.join('.').replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
  (parts) => parts.join('.').replace(/\d/g, (digit) => `%3${digit}`),
];

const IPV6_FORMS: Form[] = [
  (parts) => `[::ffff:${parts.join('.')}]`,
  ([a, b, c, d]) => `[::ffff:${group(a!, b!)}:${group(c!, d!)}]`,
  ([a, b, c, d]) => `[0:0:0:0:0:FFFF:${group(a!, b!)}:${group(c!, d!)}]`,
  (parts) => `[::${parts.join('.')}]`,
  (parts) => `[::ffff:0:${parts.join('.')}]`,
  (parts) => `[64:ff9b::${parts.join('.')}]`,
  (parts) => `[64:ff9b:1::${parts.join('.')}]`,
  ([a, b, c, d]) => `[2002:${group(a!, b!)}:${group(c!, d!)}::1]`,
  ([a, b, c, d]) => `[2001:0:${group(a!, b!)}:${group(c!, d!)}::]`,
  ([a, b, c, d]) => `[2001::${group(255 - a!, 255 - b!)}:${group(255 - c!, 255 - d!)}]`,
  (parts, choice) => `[2606:4700:${choice}::5efe:${parts.join('.')}]`,
  ([a, b, c, d], choice) => `[fe${(8 + (choice % 8)).toString(16)}0::${group(a!, b!)}:${group(c!, d!)}]`,
  ([a, b, c, d], choice) => `[f${choice % 2 === 0 ? 'c' : 'd'}00:${group(a!, b!)}::${group(c!, d!)}]`,
  ([a, b, c, d], choice) => `[ff0${choice}::${group(a!, b!)}:${group(c!, d!)}]`,
  ([a, b, c, d]) => `[100::${group(a!, b!)}:${group(c!, d!)}]`,
];
