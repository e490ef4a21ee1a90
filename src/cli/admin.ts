import { text } from 'node:stream/consumers';
import inputPassword from '@inquirer/password';
import type { Command } from 'commander';
import { hashPassword, MAX_PASSWORD_LENGTH } from '../admin/access/password.ts';
import type { CliContext } from './context.ts';

const MIN_PASSWORD_LENGTH = 12;

export function addAdmin(program: Command, context: CliContext): void {
  program
    .command('admin')
    .description('commands for the console')
    .command('hash-password')
    .description('ask for a password and print its argon2id hash for FACE_API_ADMIN_PASSWORD_HASH')
    .addHelpText(
      'after',
      '\nThe password is read from the terminal without echo, or from standard input if it is not a terminal.',
    )
    .action(() => printHash(context));
}

async function printHash(context: CliContext): Promise<void> {
  const password = await readPassword(context);
  const mistake = mistakeIn(password);
  if (mistake !== null) throw new Error(mistake);
  context.stdout.write(`${await hashPassword(password)}\n`);
  context.stderr.write(
    'Save this line to a file and set FACE_API_ADMIN_PASSWORD_HASH_FILE to its path; or add it to .env as\n' +
      "FACE_API_ADMIN_PASSWORD_HASH='…' in single quotes. Then restart the service. Existing sessions end.\n",
  );
}

async function readPassword({ stdin, stderr }: CliContext): Promise<string> {
  if (stdin.isTTY !== true) return (await text(stdin)).replace(/\r?\n$/, '');
  const context = { input: stdin, output: stderr, clearPromptOnDone: true };
  const password = await inputPassword({ message: 'Password', mask: true, validate: isUsable }, context);
  await inputPassword(
    { message: 'Repeat the password', mask: true, validate: (again) => again === password || 'The passwords differ' },
    context,
  );
  return password;
}

function isUsable(password: string): string | true {
  return mistakeIn(password) ?? true;
}

function mistakeIn(password: string): string | null {
  if (password.length >= MIN_PASSWORD_LENGTH && password.length <= MAX_PASSWORD_LENGTH) return null;
  return `the password must have ${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH} characters`;
}
