import { z } from 'zod';
import { MAX_PASSWORD_LENGTH } from './password.ts';

export const loginSchema = z
  .strictObject({ password: z.string().min(1).max(MAX_PASSWORD_LENGTH) })
  .meta({ id: 'Login' });
export type Login = z.infer<typeof loginSchema>;

export const sessionSchema = z
  .object({
    actor: z
      .string()
      .meta({ description: 'Name in the audit log: `console`, or `token:` followed by the name of the token' }),
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
