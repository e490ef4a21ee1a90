import { ADMIN_API_PATH } from '../../http/route.ts';
import { type Role, ROLES } from '../../config/user-roles.ts';

/**
 * view: see what is stored, originals included; review: mask more; unmask: make a masked face visible again;
 * manage: delete and repair, and read the audit log.
 */
export const RIGHTS = ['view', 'review', 'unmask', 'manage'] as const;
export type Right = (typeof RIGHTS)[number];

export function rightsOf(role: Role): readonly Right[] {
  return RIGHTS.slice(0, ROLES.indexOf(role) + 1);
}

/**
 * The right that each route needs; none: it needs no login. A route that is not listed is forbidden to everyone.
 * Masking with options of one's own can leave faces of a stored image visible, so it needs the right to unmask.
 */
const NEEDED: Readonly<Record<string, Right | 'none'>> = {
  'GET login': 'none',
  'GET openid': 'none',
  'GET openid/callback': 'none',
  'POST session': 'none',
  'GET session': 'view',
  'DELETE session': 'view',
  'GET images': 'view',
  'GET images/:id': 'view',
  'GET images/:id/thumbnail': 'view',
  'DELETE images/:id': 'manage',
  'POST images/:id/jobs': 'unmask',
  'GET images/:id/result': 'view',
  'GET images/:id/reports': 'view',
  'GET images/:id/versions': 'view',
  // Whether a new version makes a face visible is decided by its masks.
  'POST images/:id/versions': 'review',
  'POST images/:id/versions/preview': 'review',
  'POST images/:id/versions/:number/approval': 'unmask',
  'GET images/:id/review': 'view',
  'PUT images/:id/claim': 'review',
  'DELETE images/:id/claim': 'review',
  'POST images/:id/decision': 'review',
  'GET review': 'view',
  'GET review/counts': 'view',
  'GET review/figures': 'review',
  'POST review/decisions': 'review',
  'GET jobs': 'view',
  'GET jobs.csv': 'view',
  'GET jobs/:id': 'view',
  'GET batches': 'view',
  'POST batches': 'unmask',
  'GET batches/:id': 'view',
  'GET batches/:id/result': 'view',
  'POST batches/:id/retry': 'manage',
  'DELETE batches/:id': 'manage',
  'POST batches/:id/webhooks/:webhook/redelivery': 'manage',
  'GET statistics': 'view',
  'GET system': 'view',
  'POST reconciliation': 'manage',
  'GET audit': 'manage',
  'POST playground/detect': 'review',
  'POST playground/preview': 'review',
  'POST playground/mask': 'unmask',
};

/**
 * @param route pattern of the route, with the whole path
 * @returns undefined: forbidden to everyone
 */
export function rightNeeded(method: string, route: string): Right | 'none' | undefined {
  const path = route.slice(ADMIN_API_PATH.length);
  return NEEDED[`${method === 'HEAD' ? 'GET' : method} ${path}`];
}
