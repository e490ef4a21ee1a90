import { describe, expect, it } from 'vitest';
import { type Answer, runFaceApi } from '../../test/fixtures/command-line.ts';
import { AdminPassword } from '../admin/access/password.ts';

function run(args: string[], input = ''): Promise<Answer> {
  return runFaceApi(['admin', ...args], { input });
}

describe('hash-password', () => {
  it('prints a hash of what is typed, that the service takes, and says where to put it', async () => {
    const { exitCode, stdout, stderr } = await run(['hash-password'], 'correct horse battery\n');

    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$\S+\n$/);
    const password = await AdminPassword.open(stdout.trim());
    expect(await password.matches('correct horse battery')).toBe(true);
    expect(await password.matches('correct horse batter')).toBe(false);
    expect(stderr).toContain('FACE_API_ADMIN_PASSWORD_HASH_FILE');
  });

  it('makes another hash each time', async () => {
    const [one, other] = [
      await run(['hash-password'], 'a long password'),
      await run(['hash-password'], 'a long password'),
    ];
    expect(one.stdout).not.toBe(other.stdout);
  });

  it.each([
    ['too short', 'short'],
    ['empty', ''],
    ['too long', 'a'.repeat(257)],
  ])('refuses one that is %s', async (_, typed) => {
    const { exitCode, stdout, stderr } = await run(['hash-password'], typed);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toBe('error: the password must have 12 to 256 characters\n');
  });

  it.each([[[]], [['hash']], [['hash-password', 'my-password']]])('called as %j: says how to call it', async (args) => {
    const { exitCode, stdout, stderr } = await run(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(/face-api admin.*--help|Usage: face-api admin/);
    expect(stderr).not.toContain('my-password');
  });
});

describe('a password that is not configured', () => {
  it('is made at random, of 120 bits', async () => {
    const [one, other] = [await AdminPassword.open(''), await AdminPassword.open('')];
    expect(one.generated).toMatch(/^[\w-]{20}$/);
    expect(one.generated).not.toBe(other.generated);
    expect(await one.matches(one.generated!)).toBe(true);
    expect(await one.matches(other.generated!)).toBe(false);
  });
});

describe('a configured hash that is not whole', () => {
  it('ends the start with a line that says how to make one', async () => {
    await expect(AdminPassword.open('$argon2id$v=19$m=19456')).rejects.toThrow('face-api admin hash-password');
  });
});
