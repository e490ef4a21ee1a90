import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { reasonOf, systemErrorCode } from './errors/reason.ts';
import { AdminPassword } from './admin/access/password.ts';
import { CONSOLE_PATH } from './admin/console/console.ts';
import { createApp } from './app.setup.ts';
import {
  type Configuration,
  ConfigurationError,
  hasConsole,
  portOf,
  readConfiguration,
  readEnvironment,
} from './config/configuration.ts';
import { restrictDecoders } from './inference/decoders.ts';
import { LoadedModel } from './models/loaded-model.ts';
import { ModelError } from './models/model-error.ts';
import { JobRecorder } from './storage/job-recorder.ts';
import { EmbeddedPostgresError } from './storage/records/embedded-postgres-error.ts';

let app: NestFastifyApplication | undefined;
try {
  restrictDecoders();
  const configuration = readConfiguration(readEnvironment());
  app = await createApp(configuration);
  stopOnSignal(app, configuration.server.shutdownGraceMs);
  await app.listen(portOf(configuration.server), configuration.server.host);
  await announce(app, configuration);
} catch (error) {
  process.stderr.write(`${startFailure(error)}\n`);
  // Stop what was started before the failure, such as a database.
  await app?.close();
  process.exit(1);
}

/** On stderr, so that the log on stdout stays one JSON object per line. What the reader looks for comes last. */
async function announce(app: NestFastifyApplication, { server }: Configuration): Promise<void> {
  const address = app.getHttpServer().address() as { port: number };
  const host = ['0.0.0.0', '::'].includes(server.host) ? 'localhost' : server.host;
  const url = `http://${host}:${address.port}`;
  const docs = server.docsEnabled ? `, documentation at ${url}/docs` : '';
  const storage = await app.get(JobRecorder).describe();
  const lines = [
    ...(storage === null ? [] : [storage]),
    `Face API is listening on ${prominent(url)} (model ${app.get(LoadedModel).name}${docs})`,
    ...(hasConsole(server.role) ? describeConsole(app.get(AdminPassword), url) : []),
  ];
  process.stderr.write(lines.map((line) => `${line}\n`).join(''));
}

function describeConsole({ generated }: AdminPassword, url: string): string[] {
  const address = `Console: ${prominent(`${url}${CONSOLE_PATH}`)}`;
  if (generated === null) return [address];
  return [
    address,
    `Password: ${prominent(generated)} (new at each start; to set your own: face-api admin hash-password)`,
  ];
}

/** Bold on a terminal, unchanged elsewhere. */
function prominent(text: string): string {
  return styleText('bold', text, { stream: process.stderr });
}

/** The first signal lets running requests finish within the grace time; the second stops immediately. */
function stopOnSignal(app: NestFastifyApplication, graceMs: number): void {
  let stopping = false;
  const stop = async () => {
    if (stopping) endNow();
    stopping = true;
    const finished = await Promise.race([app.close().then(() => true), sleep(graceMs, false)]);
    if (finished) process.exit(0);
    process.stderr.write(`Requests were still running after ${graceMs} ms; stopped anyway\n`);
    endNow();
  };
  // SIGHUP: the terminal was closed. Without a handler, the embedded PostgreSQL would keep running.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void stop());
}

/**
 * Ends the process while threads are working. `process.exit` ends the threads first, and ONNX Runtime aborts with a
 * core dump if a thread ends during an inference.
 */
function endNow(): never {
  process.kill(process.pid, 'SIGKILL');
  process.exit(1); // only reached as the first process of a container, which its own signals do not end
}

/** One or two lines for errors that an operator can fix; a stack trace for all others. */
function startFailure(error: unknown): string {
  if (error instanceof ConfigurationError) return error.message;
  if (error instanceof EmbeddedPostgresError) return error.message;
  if (error instanceof ModelError) return `The model cannot be used: ${error.message}`;
  if (systemErrorCode(error) === 'EADDRINUSE')
    return `The port is in use (${reasonOf(error)}); set FACE_API_PORT to another port`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
