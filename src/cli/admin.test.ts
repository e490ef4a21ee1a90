import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, runFaceApi } from '../../test/fixtures/command-line.ts';
import { Accounts } from '../admin/access/accounts.ts';
import { ConfigurationError } from '../config/configuration.ts';

function run(args: string[], input = ''): Promise<Answer> {
  return runFaceApi(['admin', ...args], { input });
}

describe('hash-password', () => {
  it('prints a hash of what is typed, that the service takes, and says where to put it', async () => {
    const { exitCode, stdout, stderr } = await run(['hash-password'], 'correct horse battery\n');

    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$\S+\n$/);
    const accounts = await Accounts.open({ passwordHash: stdout.trim(), users: '' });
    expect(await accounts.verify(null, 'correct horse battery')).toMatchObject({ name: null, role: 'admin' });
    expect(await accounts.verify(null, 'correct horse batter')).toBeNull();
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

const openDefault = () => Accounts.open({ passwordHash: '', users: '' });

describe('a password that is not configured', () => {
  it('is made at random, of 120 bits', async () => {
    const [one, other] = [await openDefault(), await openDefault()];
    expect(one.generated).toMatch(/^[\w-]{20}$/);
    expect(one.generated).not.toBe(other.generated);
    expect(await one.verify(null, one.generated!)).not.toBeNull();
    expect(await one.verify(null, other.generated!)).toBeNull();
  });
});

describe('a configured hash that is not whole', () => {
  it('ends the start with a line that says how to make one', async () => {
    await expect(Accounts.open({ passwordHash: '$argon2id$v=19$m=19456', users: '' })).rejects.toThrow(
      'face-api admin hash-password',
    );
  });
});

describe('the file of the users', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'face-api-users-'));
    file = join(folder, 'users.json');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const open = () => Accounts.open({ passwordHash: '', users: file });
  const add = (name: string, role: string, password: string, ...more: string[]) =>
    runFaceApi(['admin', 'add-user', name, '--role', role, ...more], {
      input: `${password}\n`,
      environment: { FACE_API_ADMIN_USERS: file },
    });

  it('gets a user, whose password and role count from the next start, and only its owner reads it', async () => {
    expect(await add('root', 'admin', 'the password of root')).toMatchObject({ exitCode: 0 });
    expect(await add('anna', 'reviewer', 'the password of anna')).toMatchObject({ exitCode: 0 });

    const accounts = await open();
    expect(accounts).toMatchObject({ areNamed: true, generated: null });
    expect(await accounts.verify('Anna', 'the password of anna')).toMatchObject({ name: 'anna', role: 'reviewer' });
    expect(await accounts.verify('anna', 'the password of root')).toBeNull();
    expect(await accounts.verify('nobody', 'the password of anna')).toBeNull();
    expect(await accounts.verify(null, 'the password of anna')).toBeNull();
    expect(await readFile(file, 'utf8')).not.toContain('the password');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('keeps a user that exists, unless told to replace it', async () => {
    await add('root', 'admin', 'the password of root');
    const refused = await add('ROOT', 'viewer', 'another long password');
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
    expect(refused.stderr).toContain('--replace');
    expect(await (await open()).verify('root', 'the password of root')).not.toBeNull();

    await add('root', 'admin', 'another long password', '--replace');
    const accounts = await open();
    expect(await accounts.verify('root', 'the password of root')).toBeNull();
    expect(await accounts.verify('root', 'another long password')).not.toBeNull();
  });

  it('loses a user', async () => {
    await add('root', 'admin', 'the password of root');
    await add('anna', 'viewer', 'the password of anna');
    const remove = (name: string) => run(['remove-user', name, '--file', file]);
    expect(await remove('anna')).toMatchObject({ exitCode: 0 });
    expect(await (await open()).verify('anna', 'the password of anna')).toBeNull();
    expect(await remove('anna')).toMatchObject({ exitCode: 1 });
  });

  it.each([
    [['add-user', 'anna'], '--role'],
    [['add-user', 'anna', '--role', 'king'], 'viewer, reviewer, unmasker, admin'],
    [['add-user', 'a b', '--role', 'admin'], '1 to 64 letters'],
    [['add-user', 'anna', '--role', 'admin'], 'FACE_API_ADMIN_USERS'],
  ])('is not touched by %j, which says what is missing', async (args, problem) => {
    const { exitCode, stderr } = await run(args, 'a long password');
    expect(exitCode).toBe(2);
    expect(stderr).toContain(problem);
  });

  it.each([
    ['is no JSON', '{"users": [$argon2id$secret', 'not valid JSON'],
    ['has a user without a role', '{"users":[{"name":"a","password_hash":"$argon2id$"}]}', 'users.0.role'],
    [
      'has a hash that is cut off',
      '{"users":[{"name":"a","role":"admin","password_hash":"$argon2id$v=19"}]}',
      '--replace',
    ],
    ['has nobody who may do everything', '{"users":[]}', 'role admin'],
    ['does not exist', null, 'role admin'],
  ])('that %s ends the start with a line that says what to do', async (_, content, problem) => {
    if (content !== null) await writeFile(file, content);
    const failure = await open().catch((error: unknown) => error as Error);
    expect(failure).toBeInstanceOf(ConfigurationError);
    expect((failure as Error).message).toContain(problem);
    expect((failure as Error).message).not.toMatch(/secret|v=19/);
  });
});
