import { z } from 'zod';
import { MAX_PASSWORD_LENGTH } from './password.ts';
import { RIGHTS, ROLES } from './rights.ts';

const MAX_NAME_LENGTH = 64;

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
  .object({ has_names: z.boolean().meta({ description: 'true: a login needs the name of a user' }) })
  .meta({ id: 'LoginForm' });
export type LoginForm = z.infer<typeof loginFormSchema>;

export const sessionSchema = z
  .object({
    actor: z.string().meta({
      description:
        'Name in the audit log: `user:` followed by the name of the user, `console` if there is one password, or `token:` followed by the name of the token',
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
