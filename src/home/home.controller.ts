import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import Negotiator from 'negotiator';
import { Configuration, hasApi, hasConsole } from '../config/configuration.ts';
import { VERSION } from '../version.ts';
import { homePage } from './page.ts';
import { type HomeBody, homeSchema } from './schemas.ts';

const JSON_TYPE = 'application/json';
const HTML_TYPE = 'text/html';

@ApiTags('operation')
@Controller()
export class HomeController {
  private readonly body: HomeBody;
  private readonly page: ReturnType<typeof homePage>;

  constructor({ server, security, limits, storage }: Configuration) {
    const servesApi = hasApi(server.role);
    this.body = {
      name: 'Face API',
      version: VERSION,
      detect: servesApi ? '/api/v1/detect' : null,
      mask: servesApi ? '/api/v1/mask' : null,
      api_key_required: servesApi && security.apiKeys.length > 0,
      documentation: server.docsEnabled ? '/docs' : null,
      openapi: server.docsEnabled ? '/openapi.json' : null,
      console: hasConsole(server.role) ? '/admin' : null,
    };
    this.page = homePage(this.body, limits.maxUploadBytes, storage.enabled);
  }

  @Get()
  @ApiOperation({
    operationId: 'home',
    summary: 'What this service is, and what it serves',
    description: 'A browser (`Accept: text/html`) gets a page on which a photo can be masked.',
  })
  @ApiOkResponse({ description: 'Paths of this service', standardSchema: homeSchema })
  home(@Req() { headers }: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): HomeBody | string {
    void reply.header('vary', 'accept');
    const [best] = new Negotiator({ headers: { accept: headers.accept } }).mediaTypes([JSON_TYPE, HTML_TYPE]);
    if (best !== HTML_TYPE) return this.body;
    const { html, policy } = this.page;
    // Replaces the default policy.
    void reply.type('text/html; charset=utf-8').header('content-security-policy', policy);
    return html;
  }
}
