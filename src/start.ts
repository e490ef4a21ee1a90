import { constants, setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ConfigurationError, portOf, readConfiguration, readEnvironment } from './config/configuration.ts';
import { reasonOf, systemErrorCode } from './errors/reason.ts';
import { restrictDecoders } from './inference/decoders.ts';
import { WorkerThreads } from './inference/worker-threads.ts';
import { configuredModel, configuredSecondModel } from './models/model-files.ts';
import { ModelError } from './models/model-error.ts';
import { EmbeddedPostgresError } from './storage/records/embedded-postgres-error.ts';

let threads: WorkerThreads | undefined;
let app: NestFastifyApplication | undefined;
try {
  restrictDecoders();
  const configuration = readConfiguration(readEnvironment());
  // Threads take it over: requests to other processes of this machine come first.
  if (configuration.server.role === 'worker') setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  threads = new WorkerThreads(
    configuration,
    await configuredModel(configuration),
    await configuredSecondModel(configuration),
  );
  // Imported only now: while the threads load the model, this thread loads the modules of the application.
  const [{ createApp }, { announce }] = await Promise.all([import('./app.setup.ts'), import('./announce.ts')]);
  app = await createApp(configuration, { threads });
  stopOnSignal(app, configuration.server.shutdownGraceMs);
  await app.listen(portOf(configuration.server), configuration.server.host);
  await announce(app, configuration);
} catch (error) {
  process.stderr.write(`${startFailure(error)}\n`);
  // Stop what was started before the failure, such as a database.
  await app?.close();
  await threads?.settled();
  process.exit(1);
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
