import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { reasonOf } from '../../errors/reason.ts';
import { ABSENT, ifPresent, writeDurably } from '../../files/durable-file.ts';
import { isComplete } from './password.ts';
import { ROLES } from '../../config/user-roles.ts';

export const NAME_RULE = 'a name has 1 to 64 letters, digits and . _ @ -, and starts with a letter or a digit';

export const userSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9._@-]{0,63}$/i, { error: NAME_RULE }),
  role: z.enum(ROLES),
  password_hash: z.string().startsWith('$argon2id$', { error: 'must be an argon2id hash' }),
});
export type User = z.infer<typeof userSchema>;

const fileSchema = z.strictObject({ users: z.array(userSchema) });

/**
 * Reads the users of the console.
 * @returns undefined if the file does not exist
 * @throws Error that names the file and what is wrong with it, without any part of a hash
 */
export async function readUsers(path: string): Promise<User[] | undefined> {
  const text = await ifPresent(readFile(path, 'utf8'), ABSENT);
  if (text === undefined) return undefined;
  const users = parse(path, text);
  const names = users.map(({ name }) => name.toLowerCase());
  const repeated = users.find(({ name }, at) => names.indexOf(name.toLowerCase()) !== at);
  if (repeated) throw new Error(`${path}: ${repeated.name} is listed twice. Remove one`);
  for (const { name, password_hash: passwordHash } of users) {
    if (!(await isComplete(passwordHash))) {
      throw new Error(`${path}: the hash of ${name} is not complete. Run: face-api admin add-user ${name} --replace`);
    }
  }
  return users;
}

/** The file is complete at any time, and only its owner can read it. */
export async function writeUsers(path: string, users: readonly User[]): Promise<void> {
  await writeDurably(path, [Buffer.from(`${JSON.stringify({ users }, null, 2)}\n`)], true);
}

function parse(path: string, text: string): User[] {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    // The message of the parser quotes the text.
    throw new Error(`${path} is not valid JSON. Write it with: face-api admin add-user`);
  }
  const result = fileSchema.safeParse(content);
  if (result.success) return result.data.users;
  const issue = result.error.issues[0]!;
  throw new Error(`${path}: ${issue.path.join('.')}: ${reasonOf(issue.message)}`);
}
