import { Body, Controller, Delete, Get, HttpCode, Logger, Post, Req, Res } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Configuration } from '../../config/configuration.ts';
import { DomainError } from '../../errors/domain-error.ts';
import { ApiProblems, BODY_PROBLEMS } from '../../http/api-problems.ts';
import { Metrics } from '../../metrics/metrics.ts';
import { VERSION } from '../../version.ts';
import { Accounts } from './accounts.ts';
import { type Admin, clearSessionCookie, SESSION_PATH } from './gate.ts';
import { LoginThrottle } from './login-throttle.ts';
import { rightsOf } from './rights.ts';
import { type Login, loginSchema, type SessionBody, sessionSchema } from './schemas.ts';
import { SessionOpener } from './session-opener.ts';
import { Sessions } from './sessions.ts';

@ApiTags('admin')
@ApiProblems('unauthorized', 'forbidden', 'internal', 'storage_unavailable')
@Controller(SESSION_PATH)
export class SessionController {
  private readonly logger = new Logger('Console');

  constructor(
    private readonly sessions: Sessions,
    private readonly sessionOpener: SessionOpener,
    private readonly accounts: Accounts,
    private readonly throttle: LoginThrottle,
    private readonly configuration: Configuration,
    private readonly metrics: Metrics,
  ) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({ operationId: 'adminLogin', summary: 'Log in to the console' })
  @ApiOkResponse({ description: 'The session; its ID is in the cookie', standardSchema: sessionSchema })
  @ApiProblems(...BODY_PROBLEMS, 'foreign_origin', 'too_many_requests')
  async login(
    @Body({ schema: loginSchema }) { name, password }: Login,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SessionBody> {
    if (!this.accounts.havePasswords) {
      throw new DomainError('unauthorized', 'Passwords are not used here. Log in with the identity provider at /admin');
    }
    await this.throttle.count(request.ip);
    const account = await this.accounts.verify(name ?? null, password);
    if (!account) {
      this.metrics.logins.inc({ outcome: 'failed' });
      this.logger.warn({ address: request.ip, requestId: request.id }, 'Login failed');
      throw new DomainError('unauthorized', this.accounts.areNamed ? 'Wrong name or password' : 'Wrong password');
    }
    await this.throttle.forgive(request.ip);
    return this.body(await this.sessionOpener.open(account, request, reply));
  }

  @Get()
  @ApiOperation({ operationId: 'adminSession', summary: 'Current session' })
  @ApiOkResponse({ description: 'The session, or the bearer token', standardSchema: sessionSchema })
  current(@Req() request: FastifyRequest): SessionBody {
    return this.body(request.admin!);
  }

  @Delete()
  @HttpCode(204)
  @ApiOperation({ operationId: 'adminLogout', summary: 'Log out' })
  @ApiNoContentResponse({ description: 'The session has ended and the cookie is cleared' })
  @ApiProblems('foreign_origin')
  async logout(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<void> {
    const { session } = request.admin!;
    if (session) await this.sessions.close(session.id);
    clearSessionCookie(request, reply);
  }

  private body({ actor, role, session }: Admin): SessionBody {
    const { storage, server } = this.configuration;
    return {
      actor,
      user_role: role,
      rights: [...rightsOf(role)],
      expires_at: session?.expiresAt.toISOString() ?? null,
      storage: storage.enabled ? 'on' : 'off',
      role: server.role,
      version: VERSION,
    };
  }
}
