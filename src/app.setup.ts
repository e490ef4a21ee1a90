import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import { Logger } from 'nestjs-pino';
import { registerAdmin } from './admin/register-admin.ts';
import { AppModule } from './app.module.ts';
import { type Configuration, hasConsole } from './config/configuration.ts';
import { createAdapter } from './http/adapter.ts';
import { registerApiKeys } from './http/api-keys.ts';
import { registerBodies } from './http/bodies.ts';
import { registerConnections } from './http/connections.ts';
import { DeadlineInterceptor } from './http/deadline.interceptor.ts';
import { registerRateLimit } from './http/rate-limit.ts';
import { registerContext } from './http/request-context.ts';
import { registerRequestId } from './http/request-id.ts';
import { registerLifecycle } from './http/request-lifecycle.ts';
import { countRequests } from './http/request-metrics.ts';
import { registerContinue, registerRequestSlots, RequestSlots } from './http/request-slots.ts';
import { registerTracing } from './http/request-tracing.ts';
import { ADMIN_API_PATH, refuseUnknownRoutes } from './http/route.ts';
import { registerSecurityHeaders } from './http/security-headers.ts';
import { closeWhenStopping } from './http/stopping.ts';
import { registerUploadRate } from './http/upload-rate.ts';
import { validationPipe } from './http/validation.ts';
import type { WorkerThreads } from './inference/worker-threads.ts';
import { Metrics } from './metrics/metrics.ts';
import { buildOpenApiDocument } from './openapi-document.ts';
import { StartLog } from './start-log.ts';
import { ASSETS_PATH } from './storage/assets-path.ts';
import { Tracing } from './tracing/tracing.ts';
import { countTraffic } from './traffic/count-traffic.ts';
import { Traffic } from './traffic/traffic.ts';

/**
 * API keys and the limit per minute guard these routes. Health, metrics and docs need no key, a signed address is its
 * own, and operators have sessions.
 */
function isPublicApi(route: string): boolean {
  return route.startsWith('/api/') && !route.startsWith(ASSETS_PATH) && !route.startsWith(ADMIN_API_PATH);
}

/** In the order in which a request meets them. All run before a byte of its body is read. */
async function registerHooks(
  app: NestFastifyApplication,
  { server, limits, batches, security }: Configuration,
  consoleFolder: string | undefined,
): Promise<void> {
  const fastify = app.getHttpAdapter().getInstance();
  registerContext(fastify);
  registerRequestId(fastify);
  registerConnections(fastify);
  closeWhenStopping(fastify);
  countRequests(fastify, app.get(Metrics));
  countTraffic(fastify, app.get(Traffic));
  registerTracing(fastify, app.get(Tracing));
  await registerSecurityHeaders(fastify);
  registerLifecycle(fastify, limits.requestTimeoutMs, batches.uploadTimeoutMs);
  registerApiKeys(fastify, security, isPublicApi);
  if (hasConsole(server.role)) await registerAdmin(app, consoleFolder);
  await registerRateLimit(fastify, limits.requestsPerMinute, isPublicApi);
  registerRequestSlots(fastify, app.get(RequestSlots));
  refuseUnknownRoutes(fastify);
  registerContinue(fastify);
  registerUploadRate(fastify, limits.minUploadBytesPerSecond);
  await registerBodies(fastify, limits.maxUploadBytes);
}

/** `consoleFolder`: where the built console lies, if it is not in its usual place */
export interface AppParts {
  readonly consoleFolder?: string | undefined;
  /** Those that were started before; the application closes them. */
  readonly threads?: WorkerThreads;
}

/**
 * The application, ready to listen: used by main, by the tests and by the writer of openapi.json.
 * @throws ModelError where the configured model cannot be used
 */
export async function createApp(
  configuration: Configuration,
  { consoleFolder, threads }: AppParts = {},
): Promise<NestFastifyApplication> {
  const startLog = new StartLog();
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.forRoot(configuration, threads ?? null),
    createAdapter(configuration),
    // Fastify's own JSON parser is all that is wanted: Nest would add one for HTML forms without files.
    { abortOnError: false, logger: startLog, bodyParser: false },
  );
  app.useGlobalInterceptors(new DeadlineInterceptor());
  app.useGlobalPipes(validationPipe());
  await registerHooks(app, configuration, consoleFolder);
  if (configuration.server.docsEnabled) {
    const options = { jsonDocumentUrl: 'openapi.json', raw: ['json' as const] };
    SwaggerModule.setup('docs', app, () => buildOpenApiDocument(app), options);
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
