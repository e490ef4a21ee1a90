import { readdir, readFile } from 'node:fs/promises';
import { join, posix, relative, sep } from 'node:path';
import { Logger } from '@nestjs/common';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '../../errors/domain-error.ts';
import { ifPresent } from '../../files/durable-file.ts';
import { sendProblem } from '../../http/send-problem.ts';
import { contentSecurityPolicy } from './content-security-policy.ts';

const logger = new Logger('Console');

export const CONSOLE_PATH = '/admin';
const LOGIN = 'login';
const APP_PAGE = 'index.html';
const LOGIN_PAGE = 'login/index.html';

/** Files with a hash in their name never change. */
const IMMUTABLE = /^(_app\/immutable|login\/assets)\//;

export interface ConsoleOptions {
  /** Folder of the built console. */
  readonly folder: string;
  readonly isLoggedIn: (request: FastifyRequest) => Promise<boolean>;
  /** Whether the browser was logged in before. */
  readonly hadSession: (request: FastifyRequest) => boolean;
  /** Origin of the signed URLs of stored images; null: this service. */
  readonly objectsOrigin: string | null;
}

/**
 * Serves the built console below /admin. Only files that existed at startup are served, by their exact names: no
 * path leads to other files. Without a session, only the login page is served.
 * @returns false if the console is not built
 */
export async function registerConsole(fastify: FastifyInstance, options: ConsoleOptions): Promise<boolean> {
  const files = await listFiles(options.folder);
  const isBuilt = files.has(APP_PAGE) && files.has(LOGIN_PAGE);
  const serve = isBuilt ? await serveFiles(options, files) : serveNothing;
  await fastify.register(async (scope) => {
    scope.setErrorHandler<Error>((error, request, reply) => {
      if (error instanceof DomainError) return sendProblem(request, reply, error);
      logger.error({ err: error, requestId: request.id }, 'A file of the console could not be served');
      return sendProblem(
        request,
        reply,
        new DomainError('internal', 'The file could not be served. The log has the details'),
      );
    });
    if (isBuilt) {
      await scope.register(fastifyStatic, {
        root: options.folder,
        serve: false,
        preCompressed: true,
        cacheControl: false,
      });
    }
    scope.get(CONSOLE_PATH, serve);
    scope.get(`${CONSOLE_PATH}/*`, serve);
  });
  return isBuilt;
}

type Serve = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

async function serveFiles(options: ConsoleOptions, files: ReadonlySet<string>): Promise<Serve> {
  const { folder, objectsOrigin, isLoggedIn, hadSession } = options;
  const policyOf = async (page: string) =>
    [page, contentSecurityPolicy(await readFile(join(folder, page), 'utf8'), objectsOrigin)] as const;
  const policies = new Map(await Promise.all([APP_PAGE, LOGIN_PAGE].map(policyOf)));
  return async (request, reply) => {
    const file = toFile((request.params as { '*'?: string })['*'] ?? '', files);
    if (!file.startsWith(`${LOGIN}/`) && !(await isLoggedIn(request))) {
      return turnAway(request, reply, file, hadSession(request));
    }
    if (!files.has(file)) throw new DomainError('not_found', 'File not found');
    void reply.headers({
      'cache-control': IMMUTABLE.test(file) ? 'private, max-age=31536000, immutable' : 'no-store',
      // Replaces the default policy.
      'content-security-policy': policies.get(file) ?? "default-src 'none'",
      'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
    });
    // A streamed file has more listeners than the default limit; they are removed after the response.
    reply.raw.setMaxListeners(20);
    return reply.sendFile(file);
  };
}

function serveNothing(): never {
  throw new DomainError('not_found', 'The console is not built: run `npm run build` and restart the service');
}

/** Paths that do not look like files are pages, which the application routes itself. */
function toFile(path: string, files: ReadonlySet<string>): string {
  if (files.has(path)) return path;
  if (path === LOGIN || path === `${LOGIN}/`) return LOGIN_PAGE;
  const isAsset = posix.extname(path) !== '' || path.startsWith(`${LOGIN}/`) || path.startsWith('_app/');
  return isAsset ? path : APP_PAGE;
}

function turnAway(request: FastifyRequest, reply: FastifyReply, file: string, hadSession: boolean): FastifyReply {
  if (file !== APP_PAGE) throw new DomainError('unauthorized', `Log in at ${CONSOLE_PATH}/${LOGIN}`);
  const next = new URLSearchParams({ next: request.url, ...(hadSession && { ended: 'true' }) });
  return reply.header('cache-control', 'no-store').redirect(`${CONSOLE_PATH}/${LOGIN}?${next.toString()}`, 303);
}

/** Paths relative to the folder, with `/` on every system; empty if the folder does not exist. */
async function listFiles(folder: string): Promise<Set<string>> {
  const entries = (await ifPresent(readdir(folder, { recursive: true, withFileTypes: true }))) ?? [];
  const files = entries.filter((entry) => entry.isFile());
  return new Set(
    files.map(({ parentPath, name }) => relative(folder, join(parentPath, name)).split(sep).join(posix.sep)),
  );
}
