/** What a person may do in the console. Each role has the rights of those before it. */
export const ROLES = ['viewer', 'reviewer', 'unmasker', 'admin'] as const;
export type Role = (typeof ROLES)[number];
