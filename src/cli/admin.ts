import { text } from 'node:stream/consumers';
import inputPassword from '@inquirer/password';
import type { Command } from 'commander';
import { hashPassword, MAX_PASSWORD_LENGTH } from '../admin/access/password.ts';
import type { CliContext } from './context.ts';

const MIN_PASSWORD_LENGTH = 12;

export function addAdmin(program: Command, context: CliContext): void {
  program
    .command('admin')
    .description('the console')
    .command('hash-password')
    .description('ask for a password and print its argon2id hash, for FACE_API_ADMIN_PASSWORD_HASH')
    .addHelpText(
      'after',
      '\nThe password is read from the terminal, unseen, or from standard input where that is none.',
    )
    .action(() => printHash(context));
}

async function printHash(context: CliContext): Promise<void> {
  const password = await readPassword(context);
  const mistake = mistakeIn(password);
  if (mistake !== null) throw new Error(mistake);
  context.stdout.write(`${await hashPassword(password)}\n`);
  context.stderr.write(
    'Put this line into a file of its own and its path into FACE_API_ADMIN_PASSWORD_HASH_FILE; or into .env, as\n' +
      "FACE_API_ADMIN_PASSWORD_HASH='…' within single quotes. Then start the service again: older sessions end.\n",
  );
}

async function readPassword({ stdin, stderr }: CliContext): Promise<string> {
  if (stdin.isTTY !== true) return (await text(stdin)).replace(/\r?\n$/, '');
  const context = { input: stdin, output: stderr, clearPromptOnDone: true };
  const password = await inputPassword({ message: 'Password', mask: true, validate: isUsable }, context);
  await inputPassword(
    { message: 'Once more', mask: true, validate: (again) => again === password || 'The two differ' },
    context,
  );
  return password;
}

function isUsable(password: string): string | true {
  return mistakeIn(password) ?? true;
}

function mistakeIn(password: string): string | null {
  if (password.length >= MIN_PASSWORD_LENGTH && password.length <= MAX_PASSWORD_LENGTH) return null;
  return `the password needs ${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH} characters`;
}
