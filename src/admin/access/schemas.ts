import { z } from 'zod';
import { CONSOLE_PATH } from '../console/console.ts';
import { MAX_PASSWORD_LENGTH } from './password.ts';
import { RIGHTS } from './rights.ts';
import { ROLES } from '../../config/user-roles.ts';

const MAX_NAME_LENGTH = 64;

/** Any origin: only a path that stays on it is a page of this service. */
const ORIGIN = 'http://localhost';

function isConsolePage(path: string): boolean {
  const url = URL.parse(path, ORIGIN);
  return url?.origin === ORIGIN && (url.pathname === CONSOLE_PATH || url.pathname.startsWith(`${CONSOLE_PATH}/`));
}

export const loginSchema = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(MAX_NAME_LENGTH)
      .optional()
      .meta({ description: 'Name of the user; not sent if there is one password (see adminLoginForm)' }),
    password: z.string().min(1).max(MAX_PASSWORD_LENGTH),
  })
  .meta({ id: 'Login' });
export type Login = z.infer<typeof loginSchema>;

export const loginFormSchema = z
  .object({
    has_passwords: z.boolean().meta({ description: 'false: only the identity provider lets people in' }),
    has_names: z.boolean().meta({ description: 'true: a login with a password needs the name of a user' }),
    openid: z
      .object({ label: z.string().meta({ description: 'Name of the identity provider for people' }) })
      .nullable()
      .meta({ description: 'null: no identity provider is configured' }),
  })
  .meta({ id: 'LoginForm' });
export type LoginForm = z.infer<typeof loginFormSchema>;

export const openIdStartSchema = z.strictObject({
  next: z
    .string()
    .max(2000)
    .refine(isConsolePage, { error: 'must be a page of the console, such as /admin/images' })
    .optional()
    .meta({ description: 'Page of the console to open afterwards' }),
});
export type OpenIdStart = z.infer<typeof openIdStartSchema>;

export const sessionSchema = z
  .object({
    actor: z.string().meta({
      description:
        'Name in the audit log: `user:` followed by the name of the user, `openid:` followed by the name at the identity provider, `console` if there is one password, or `token:` followed by the name of the token',
    }),
    user_role: z.enum(ROLES),
    rights: z.array(z.enum(RIGHTS)).meta({ description: 'What this role may do' }),
    expires_at: z.iso
      .datetime()
      .nullable()
      .meta({ description: 'Latest end of the session; null: a token does not expire' }),
    storage: z.enum(['on', 'off']),
    role: z.enum(['all', 'api', 'admin', 'worker']),
    version: z.string(),
  })
  .meta({ id: 'Session' });
export type SessionBody = z.infer<typeof sessionSchema>;
