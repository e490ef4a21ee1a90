import { fileURLToPath } from 'node:url';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import { Logger as NestLogger, NotFoundException } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Logger } from 'nestjs-pino';
import { adminBySession, registerAdminGate } from './admin/access/gate.ts';
import { Sessions } from './admin/access/sessions.ts';
import { registerConsole } from './admin/console/console.ts';
import { AppModule } from './app.module.ts';
import type { Configuration } from './config/configuration.ts';
import { DomainError } from './errors/domain-error.ts';
import { registerApiKeys } from './http/api-keys.ts';
import { answerClientError, registerConnections, serverOptions } from './http/connections.ts';
import { DeadlineInterceptor } from './http/deadline.interceptor.ts';
import { requestIdOf } from './http/request-id.ts';
import { keepOpenIfIncomplete, LINGER_MS, registerLifecycle } from './http/request-lifecycle.ts';
import { registerContinue, registerRequestSlots, RequestSlots } from './http/request-slots.ts';
import { registerTracing } from './http/request-tracing.ts';
import { ADMIN_API_PATH, routeOf } from './http/route.ts';
import { sendProblem } from './http/send-problem.ts';
import { registerBodies } from './http/bodies.ts';
import { registerUploadRate } from './http/upload-rate.ts';
import { validationPipe } from './http/validation.ts';
import { Metrics } from './metrics/metrics.ts';
import { buildOpenApiDocument } from './openapi-document.ts';
import { Tracing } from './tracing/tracing.ts';
import { ASSETS_PATH } from './storage/assets-path.ts';
import { KeptStorage } from './storage/kept-storage.ts';
import { StartLog } from './start-log.ts';
import { countTraffic } from './traffic/count-traffic.ts';
import { Traffic } from './traffic/traffic.ts';

/**
 * API keys and the limit per minute guard these routes. Health, metrics and docs need no key, a signed address is its
 * own, and operators have sessions.
 */
function isPublicApi(route: string): boolean {
  return route.startsWith('/api/') && !route.startsWith(ASSETS_PATH) && !route.startsWith(ADMIN_API_PATH);
}

/** Whose answers the statistics count. */
const TRAFFIC_ROUTES = new Set([
  '/api/v1/detect',
  '/api/v1/mask',
  `${ADMIN_API_PATH}playground/detect`,
  `${ADMIN_API_PATH}playground/mask`,
]);

/** The same from src/ and from dist/. */
const CONSOLE_FOLDER = fileURLToPath(new URL('../admin/build', import.meta.url));

const RETRY_SOON = { headers: { 'retry-after': '1' } };

/**
 * The application, ready to listen: used by main, by the tests and by the writer of openapi.json.
 * @param consoleFolder where the built console lies
 * @throws ModelError where the configured model cannot be used
 */
export async function createApp(
  configuration: Configuration,
  consoleFolder: string = CONSOLE_FOLDER,
): Promise<NestFastifyApplication> {
  const adapter = createAdapter(configuration);
  const startLog = new StartLog();
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.with(configuration), adapter, {
    abortOnError: false,
    logger: startLog,
    // Fastify's own JSON parser is all that is wanted: Nest would add one for HTML forms without files.
    bodyParser: false,
  });
  app.useGlobalInterceptors(new DeadlineInterceptor());
  app.useGlobalPipes(validationPipe());
  await registerHooks(adapter.getInstance(), configuration, app, consoleFolder);
  if (configuration.server.docsEnabled) {
    SwaggerModule.setup('docs', app, () => buildOpenApiDocument(app), {
      jsonDocumentUrl: 'openapi.json',
      raw: ['json'],
    });
  }
  try {
    await app.init();
  } catch (error) {
    // What was started before the failure, such as a database, must not be left behind.
    await app.close();
    throw error;
  }
  app.useLogger(app.get(Logger));
  startLog.moveTo(app.get(Logger));
  return app;
}

function createAdapter({ server, limits }: Configuration): FastifyAdapter {
  return new FastifyAdapter({
    multipart: false,
    // The request's own deadline answers first, with what is known of it.
    requestTimeout: limits.requestTimeoutMs + 5 * LINGER_MS,
    http: serverOptions,
    clientErrorHandler: answerClientError,
    connectionTimeout: 0,
    forceCloseConnections: 'idle',
    return503OnClosing: false, // closeConnectionsWhenStopping does, by a problem
    trustProxy: server.trustedProxies.length > 0 ? [...server.trustedProxies] : false,
    genReqId: requestIdOf,
    frameworkErrors: answerBadAddress,
  });
}

/** An address that cannot be decoded never reaches Nest and its filter. */
function answerBadAddress(_error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const error = new DomainError('invalid_request', 'The URL is not valid: its percent-encoding cannot be decoded');
  void sendProblem(request, reply.header('x-request-id', request.id), error);
}

/** In the order in which a request meets them. All run before a byte of its body is read. */
async function registerHooks(
  fastify: FastifyInstance,
  configuration: Configuration,
  app: NestFastifyApplication,
  consoleFolder: string,
): Promise<void> {
  const { server, limits, security } = configuration;
  identifyAnswers(fastify);
  registerConnections(fastify);
  closeConnectionsWhenStopping(fastify);
  countRequests(fastify, app.get(Metrics));
  countTraffic(fastify, app.get(Traffic), (route) => TRAFFIC_ROUTES.has(route));
  registerTracing(fastify, app.get(Tracing));
  await fastify.register(helmet, {
    // The page may be served over plain HTTP: telling browsers to upgrade its own parts would break it.
    contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
    strictTransportSecurity: false,
  });
  registerLifecycle(fastify, limits.requestTimeoutMs);
  registerApiKeys(fastify, security.apiKeys, isPublicApi);
  if (server.role !== 'api') await registerAdmin(fastify, configuration, app, consoleFolder);
  if (limits.requestsPerMinute > 0) await registerRateLimit(fastify, limits.requestsPerMinute);
  registerRequestSlots(fastify, app.get(RequestSlots));
  refuseWhatNothingServes(fastify);
  registerContinue(fastify);
  registerUploadRate(fastify, limits.minUploadBytesPerSecond);
  await registerBodies(fastify, limits.maxUploadBytes);
}

/**
 * While stopping, each answer asks its client to close the connection, and requests that still come are refused. Once
 * the last one is answered, the connections on which nobody asked anything are closed: they would be waited for.
 */
function closeConnectionsWhenStopping(fastify: FastifyInstance): void {
  let stopping = false;
  let running = 0;
  const closeUnused = () => {
    if (stopping && running === 0) fastify.server.closeAllConnections();
  };
  fastify.addHook('preClose', (done) => {
    stopping = true;
    setImmediate(closeUnused); // when the server has stopped to listen
    done();
  });
  fastify.addHook('onRequest', (_request, reply, done) => {
    running++;
    reply.raw.once('close', () => {
      running--;
      closeUnused();
    });
    done(stopping ? new DomainError('not_ready', 'The service is stopping. Try again', RETRY_SOON) : undefined);
  });
  fastify.addHook('onSend', (request, reply, _payload, done) => {
    if (stopping) void reply.header('connection', 'close');
    else keepOpenIfIncomplete(request, reply);
    done();
  });
}

function identifyAnswers(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
}

function countRequests(fastify: FastifyInstance, metrics: Metrics): void {
  // The route's pattern, never the address as sent: a label must not take any number of values.
  const labelOf = (request: FastifyRequest) => request.routeOptions.url ?? 'none';
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) metrics.hangUps.inc({ route: labelOf(request) });
    });
    done();
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = labelOf(request);
    metrics.requests.inc({ route, status: String(reply.statusCode) });
    metrics.requestSeconds.observe({ route }, reply.elapsedTime / 1000);
    const { takesImage } = request.routeOptions.config;
    if (takesImage === true && request.problem) metrics.countRejection(request.problem);
    done();
  });
}

async function registerAdmin(
  fastify: FastifyInstance,
  configuration: Configuration,
  app: NestFastifyApplication,
  consoleFolder: string,
): Promise<void> {
  const sessions = app.get(Sessions);
  await registerAdminGate(fastify, sessions, configuration.admin.tokens);
  const isBuilt = await registerConsole(fastify, {
    folder: consoleFolder,
    isLoggedIn: async (request) => (await adminBySession(request, sessions)) !== null,
    objectsOrigin: app.get<KeptStorage | null>(KeptStorage)?.objects.publicOrigin ?? null,
  });
  if (!isBuilt) new NestLogger('Console').warn('The console is not built: run `npm run build`');
}

/** Before a byte of its body is read: it holds no slot. */
function refuseWhatNothingServes(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    done(request.is404 ? new NotFoundException() : undefined);
  });
}

async function registerRateLimit(fastify: FastifyInstance, requestsPerMinute: number): Promise<void> {
  await fastify.register(rateLimit, {
    // By itself it would come in route by route, after the hooks of all: a slot would be taken before it is asked.
    global: false,
    max: requestsPerMinute,
    timeWindow: '1 minute',
    keyGenerator: (request) => request.apiKeyName ?? request.ip,
    allowList: (request) => !isPublicApi(routeOf(request)),
    errorResponseBuilder: (_request, { after, max }) =>
      new DomainError('too_many_requests', `The limit is ${max} requests per minute. Try again in ${after}`),
  });
  fastify.addHook('onRequest', fastify.rateLimit());
}
