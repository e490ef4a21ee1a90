import { Injectable, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Metrics } from '../../metrics/metrics.ts';
import type { Account } from './account.ts';
import { type Admin, adminBySession, setSessionCookie, toAdmin } from './gate.ts';
import { Sessions } from './sessions.ts';

/** What follows after somebody has proven who they are, with a password or at an identity provider. */
@Injectable()
export class SessionOpener {
  private readonly logger = new Logger('Console');

  constructor(
    private readonly sessions: Sessions,
    private readonly metrics: Metrics,
  ) {}

  /** Opens a session in place of the one that the browser has. */
  async open(account: Account, request: FastifyRequest, reply: FastifyReply): Promise<Admin> {
    const before = await adminBySession(request, this.sessions);
    if (before?.session) await this.sessions.close(before.session.id);
    const session = await this.sessions.open(account);
    setSessionCookie(request, reply, session);
    this.metrics.logins.inc({ outcome: 'succeeded' });
    const admin = toAdmin(session);
    this.logger.log({ actor: admin.actor, address: request.ip, requestId: request.id }, 'Logged in');
    return admin;
  }
}
