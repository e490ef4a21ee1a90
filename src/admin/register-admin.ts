import { fileURLToPath } from 'node:url';
import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Configuration } from '../config/configuration.ts';
import { ObjectStore } from '../storage/objects/object-store.ts';
import { adminBySession, hasSessionCookie, registerAdminGate } from './access/gate.ts';
import { Sessions } from './access/sessions.ts';
import { registerConsole } from './console/console.ts';

/** The same path from src/ and from dist/ */
const CONSOLE_FOLDER = fileURLToPath(new URL('../../admin/build', import.meta.url));

/**
 * Registers the authentication of the console API, and the console.
 * @param consoleFolder folder of the built console
 */
export async function registerAdmin(app: NestFastifyApplication, consoleFolder = CONSOLE_FOLDER): Promise<void> {
  const fastify = app.getHttpAdapter().getInstance();
  const sessions = app.get(Sessions);
  await registerAdminGate(fastify, sessions, app.get(Configuration).admin.tokens);
  const isBuilt = await registerConsole(fastify, {
    folder: consoleFolder,
    isLoggedIn: async (request) => (await adminBySession(request, sessions)) !== null,
    hadSession: hasSessionCookie,
    objectsOrigin: app.get(ObjectStore).publicOrigin,
  });
  if (!isBuilt) new Logger('Console').warn('The console is not built: run `npm run build`');
}
