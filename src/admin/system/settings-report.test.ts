import { describe, expect, it } from 'vitest';
import { readConfiguration } from '../../config/configuration.ts';
import { type Setting, settings } from '../../config/settings.ts';
import { reportSettings, withoutSecrets } from './settings-report.ts';

const all = Object.values(settings).flatMap((slice) => Object.values(slice) as Setting<unknown>[]);
const secrets = all.filter(({ secret }) => secret);

/** A value that the setting takes, with something in it that must not be told. */
function secretValue({ schema, name }: Setting<unknown>): string {
  const candidates = [
    'whisper-0123456789',
    'name:whisper-0123456789',
    'postgres://user:whisper-0123456789@host/db',
    '$argon2id$v=19$m=65536,t=3,p=4$d2hpc3Blci0wMTIzNDU2Nzg5$d2hpc3Blci0wMTIzNDU2Nzg5d2hpc3Blci0wMTI',
    'whsec_d2hpc3Blci0wMTIzNDU2Nzg5d2hpc3Blci0wMTIz',
  ];
  const taken = candidates.find((value) => schema.safeParse(value).success);
  if (taken === undefined) throw new Error(`${name}: a value for the test is missing`);
  return taken;
}

describe('the report of settings', () => {
  it('names every one, with its value and whether it differs from the default', () => {
    const report = reportSettings(readConfiguration({ FACE_API_HOST: '127.0.0.1', FACE_API_ORT_THREADS: '3' }));
    expect(report.map(({ name }) => name)).toEqual(all.map(({ name }) => name));
    expect(report.filter(({ changed }) => changed).map(({ name, value }) => [name, value])).toEqual([
      ['FACE_API_HOST', '127.0.0.1'],
      ['FACE_API_ORT_THREADS', '3'],
    ]);
  });

  it.each(secrets.map((setting) => [setting.name, setting] as const))('never tells %s', (name, setting) => {
    const value = secretValue(setting);
    const report = reportSettings(readConfiguration({ [name]: value }));
    const entry = report.find((candidate) => candidate.name === name)!;
    expect(entry).toMatchObject({ value: 'hidden', secret: true, changed: true });
    const text = JSON.stringify(report);
    expect(text).not.toContain('whisper');
    expect(text).not.toContain('d2hpc3Blci');
    expect(reportSettings(readConfiguration({})).find((candidate) => candidate.name === name)!.value).toBe('not set');
  });

  it('tells of no setting that takes an address the password or the token in it', () => {
    const address = 'https://user:whisper@host.example/path?token=whisper#whisper';
    const takesAddress = all.filter(({ schema, secret }) => !secret && schema.safeParse(address).success);
    expect(takesAddress.map(({ name }) => name)).toContain('FACE_API_S3_ENDPOINT');
    const addresses = Object.fromEntries(takesAddress.map(({ name }) => [name, address]));
    const configuration = readConfiguration({ ...addresses, FACE_API_OPENID_ROLES: 'group=viewer' });
    expect(JSON.stringify(reportSettings(configuration))).not.toContain('whisper');
  });
});

describe('withoutSecrets', () => {
  it.each([
    ['http://host:9000/path', 'http://host:9000/path'],
    ['http://user:p@ss:word@host:9000/path', 'http://hidden@host:9000/path'],
    ['the bucket b at https://key@host fails', 'the bucket b at https://hidden@host fails'],
    ['https://host/path?token=abc', 'https://host/path?hidden'],
    ['https://host#abc', 'https://host?hidden'],
    ['someone@example.com', 'someone@example.com'],
  ])('of %s leaves %s', (text, expected) => {
    expect(withoutSecrets(text)).toBe(expected);
  });
});
