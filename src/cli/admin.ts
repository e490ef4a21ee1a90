import { text } from 'node:stream/consumers';
import inputPassword from '@inquirer/password';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { hashPassword, MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH } from '../admin/access/password.ts';
import { rightsOf } from '../admin/access/rights.ts';
import { type Role, ROLES } from '../config/user-roles.ts';
import { NAME_RULE, readUsers, userSchema, writeUsers } from '../admin/access/users-file.ts';
import { readConfiguration } from '../config/configuration.ts';
import { type CliContext, UsageError } from './context.ts';

interface FileOption {
  readonly file?: string;
}

interface AddOptions extends FileOption {
  readonly role: Role;
  readonly replace?: boolean;
}

export function addAdmin(program: Command, context: CliContext): void {
  const admin = program.command('admin').description('commands for the console');
  admin
    .command('hash-password')
    .description('ask for a password and print its argon2id hash for FACE_API_ADMIN_PASSWORD_HASH')
    .addHelpText(
      'after',
      '\nThe password is read from the terminal without echo, or from standard input if it is not a terminal.',
    )
    .action(() => printHash(context));
  const file = ['--file <file>', 'file of the users (default: FACE_API_ADMIN_USERS)'] as const;
  admin
    .command('add-user')
    .description('ask for a password and add a user to the file of FACE_API_ADMIN_USERS')
    .argument('<name>', NAME_RULE, toName)
    .addOption(new Option('--role <role>', 'what the user may do').choices([...ROLES]).makeOptionMandatory())
    .option('--replace', 'change the role and the password of an existing user')
    .option(...file)
    .addHelpText('after', `\nThe roles and their rights:\n${ROLES.map(describeRole).join('\n')}`)
    .action((name: string, options: AddOptions) => addUser(name, options, context));
  admin
    .command('remove-user')
    .description('remove a user from the file of FACE_API_ADMIN_USERS')
    .argument('<name>', NAME_RULE, toName)
    .option(...file)
    .action((name: string, options: FileOption) => removeUser(name, options, context));
}

function toName(text: string): string {
  if (userSchema.shape.name.safeParse(text).success) return text;
  throw new InvalidArgumentError(`Expected: ${NAME_RULE}.`);
}

function describeRole(role: Role): string {
  return `  ${role}: ${rightsOf(role).join(', ')}`;
}

async function addUser(name: string, { role, replace = false, file }: AddOptions, context: CliContext): Promise<void> {
  const path = usersFile(file, context);
  const users = (await readUsers(path)) ?? [];
  const others = users.filter((user) => !isCalled(name)(user));
  if (others.length < users.length && !replace) throw new Error(`${name} exists; use --replace to change the user`);
  const password = await readUsablePassword(context);
  await writeUsers(path, [...others, { name, role, password_hash: await hashPassword(password) }]);
  context.stdout.write(`${name} (${role}) is in ${path}. Restart the service\n`);
}

async function removeUser(name: string, { file }: FileOption, context: CliContext): Promise<void> {
  const path = usersFile(file, context);
  const users = (await readUsers(path)) ?? [];
  const others = users.filter((user) => !isCalled(name)(user));
  if (others.length === users.length) throw new Error(`${path} has no user ${name}`);
  await writeUsers(path, others);
  context.stdout.write(`${name} is no longer in ${path}. Restart the service: the sessions of the user end\n`);
}

/** Names that differ only in case are one name. */
function isCalled(name: string): (user: { readonly name: string }) => boolean {
  return (user) => user.name.toLowerCase() === name.toLowerCase();
}

function usersFile(file: string | undefined, { environment }: CliContext): string {
  const path = file ?? readConfiguration(environment()).admin.users;
  if (path !== '') return path;
  throw new UsageError('the file of the users is not known: set FACE_API_ADMIN_USERS, or use --file');
}

async function printHash(context: CliContext): Promise<void> {
  const password = await readUsablePassword(context);
  context.stdout.write(`${await hashPassword(password)}\n`);
  context.stderr.write(
    'Save this line to a file and set FACE_API_ADMIN_PASSWORD_HASH_FILE to its path; or add it to .env as\n' +
      "FACE_API_ADMIN_PASSWORD_HASH='…' in single quotes. Then restart the service. Existing sessions end.\n",
  );
}

async function readUsablePassword(context: CliContext): Promise<string> {
  const password = await readPassword(context);
  const mistake = mistakeIn(password);
  if (mistake !== null) throw new Error(mistake);
  return password;
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
