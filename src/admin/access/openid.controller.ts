import { Controller, Get, Logger, Query, Req, Res } from '@nestjs/common';
import { ApiFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { DomainError } from '../../errors/domain-error.ts';
import { reasonOf } from '../../errors/reason.ts';
import { ApiProblems } from '../../http/api-problems.ts';
import { ADMIN_API_PATH } from '../../http/route.ts';
import { Metrics } from '../../metrics/metrics.ts';
import { CONSOLE_PATH } from '../console/console.ts';
import { Accounts } from './accounts.ts';
import { cookieName, cookieOptions } from './cookies.ts';
import { LoginThrottle } from './login-throttle.ts';
import { SessionOpener } from './session-opener.ts';
import { type OpenId, OpenIdError, type OpenIdRequest } from './openid.ts';
import { type OpenIdStart, openIdStartSchema } from './schemas.ts';

const PATH = `${ADMIN_API_PATH}openid`;
/** The provider sends the browser back from another site, so it is not SameSite=Strict. */
const COOKIE = 'face_api_openid';
const COOKIE_SECONDS = 600;

const requestSchema = z.object({ state: z.string(), nonce: z.string(), verifier: z.string(), next: z.string() });

@ApiTags('admin')
@ApiProblems('not_found', 'too_many_requests', 'internal', 'storage_unavailable')
@Controller(PATH)
export class OpenIdController {
  private readonly logger = new Logger('Console');

  constructor(
    private readonly accounts: Accounts,
    private readonly sessionOpener: SessionOpener,
    private readonly throttle: LoginThrottle,
    private readonly metrics: Metrics,
  ) {}

  @Get()
  @ApiOperation({
    operationId: 'adminOpenIdLogin',
    summary: 'Log in with the identity provider',
    description: 'For browsers. Needs no login.',
  })
  @ApiFoundResponse({ description: 'The login page of the identity provider' })
  @ApiProblems('invalid_request')
  async start(
    @Query({ schema: openIdStartSchema }) { next }: OpenIdStart,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    try {
      const login = await this.openId.start(`${originOf(request)}${PATH}/callback`, next ?? CONSOLE_PATH);
      const value = Buffer.from(JSON.stringify(login.request)).toString('base64url');
      void reply.setCookie(cookieName(request, COOKIE), value, {
        ...cookieOptions(request, 'lax'),
        maxAge: COOKIE_SECONDS,
      });
      void reply.redirect(login.url.href, 302);
    } catch (error) {
      this.turnBack(request, reply, error);
    }
  }

  @Get('callback')
  @ApiOperation({
    operationId: 'adminOpenIdCallback',
    summary: 'Return from the identity provider',
    description: 'The redirect URI to register with the provider. Needs no login.',
  })
  @ApiOkResponse({
    description: 'A page that opens the console; the session is in the cookie',
    content: { 'text/html': {} },
  })
  @ApiFoundResponse({ description: 'The login page, which says why the login failed' })
  async finish(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.throttle.count(request.ip);
    try {
      const started = startedIn(request);
      void reply.clearCookie(cookieName(request, COOKIE), cookieOptions(request, 'lax'));
      const account = await this.openId.finish(new URL(`${originOf(request)}${request.url}`), started);
      await this.throttle.forgive(request.ip);
      await this.sessionOpener.open(account, request, reply);
      // Browsers do not send the cookie of the session, which is SameSite=Strict, along with a redirect from another site.
      void reply.type('text/html; charset=utf-8').send(pageThatOpens(started.next));
    } catch (error) {
      this.turnBack(request, reply, error);
    }
  }

  private get openId(): OpenId {
    const { openId } = this.accounts;
    if (openId) return openId;
    throw new DomainError('not_found', 'No identity provider is configured (FACE_API_OPENID_ISSUER)');
  }

  private turnBack(request: FastifyRequest, reply: FastifyReply, error: unknown): void {
    if (!(error instanceof OpenIdError)) throw error;
    this.metrics.logins.inc({ outcome: 'failed' });
    const reason = error.cause === undefined ? error.message : `${error.message}: ${reasonOf(error.cause)}`;
    this.logger.warn({ address: request.ip, requestId: request.id, reason }, 'Login failed');
    void reply.redirect(`${CONSOLE_PATH}/login?failed=${error.failure}`, 302);
  }
}

function originOf({ protocol, host }: FastifyRequest): string {
  return `${protocol}://${host}`;
}

/** @throws OpenIdError if the browser did not start this login, or too long ago */
function startedIn(request: FastifyRequest): OpenIdRequest {
  const value = request.cookies[cookieName(request, COOKIE)];
  if (value !== undefined) {
    try {
      return requestSchema.parse(JSON.parse(Buffer.from(value, 'base64url').toString()));
    } catch {
      // Not a cookie of ours: as none.
    }
  }
  throw new OpenIdError('expired', 'The browser did not start this login, or more than ten minutes ago');
}

function pageThatOpens(path: string): string {
  const url = path.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="0;url=${url}">
<title>Face API</title>
<p><a href="${url}">Open the console</a></p>
</html>
`;
}
