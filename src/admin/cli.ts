import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import inputPassword from '@inquirer/password';
import { hashPassword, MAX_PASSWORD_LENGTH } from './access/password.ts';

const help = `Usage: npm run admin -- hash-password

  hash-password     asks for a password and prints its argon2id hash, for FACE_API_ADMIN_PASSWORD_HASH

The password is read from the terminal, unseen, or from standard input where that is none.
Exit code: 0 done, 1 failed, 2 the command was wrong.
`;

const MIN_PASSWORD_LENGTH = 12;

export interface CliStreams {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** Runs one command and returns the exit code. Errors are one line on stderr, never a stack trace. */
export async function runCli(args: readonly string[], streams: CliStreams): Promise<number> {
  const [command, ...rest] = args;
  if (command === '--help' || command === '-h') {
    streams.stdout.write(help);
    return 0;
  }
  if (command !== 'hash-password' || rest.length > 0) {
    streams.stderr.write(`The only command is hash-password; the password itself is never an argument\n\n${help}`);
    return 2;
  }
  const password = await readPassword(streams);
  const mistake = mistakeIn(password);
  if (mistake !== null) {
    streams.stderr.write(`${mistake}\n`);
    return 1;
  }
  streams.stdout.write(`${await hashPassword(password)}\n`);
  streams.stderr.write(
    'Put this line into a file of its own and its path into FACE_API_ADMIN_PASSWORD_HASH_FILE; or into .env, as\n' +
      "FACE_API_ADMIN_PASSWORD_HASH='…' within single quotes. Then start the service again: older sessions end.\n",
  );
  return 0;
}

async function readPassword({ stdin, stderr }: CliStreams): Promise<string> {
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
  return `The password needs ${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH} characters`;
}

if (import.meta.main) {
  process.exitCode = await runCli(process.argv.slice(2), process);
}
