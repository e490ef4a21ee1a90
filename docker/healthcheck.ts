import { portOf, readConfiguration, readEnvironment } from '../src/config/configuration.ts';

/** For the image's HEALTHCHECK: ends with 0 if the workers of the service beside it answer. The image has no curl. */

const TIMEOUT_MS = 8000;

const { server } = readConfiguration(readEnvironment());
const host = ['0.0.0.0', '::'].includes(server.host) ? '127.0.0.1' : server.host;
const { ok, status } = await fetch(`http://${host}:${portOf(server)}/health/live`, {
  signal: AbortSignal.timeout(TIMEOUT_MS),
});
if (!ok) process.stderr.write(`/health/live answers ${status}\n`);
process.exitCode = ok ? 0 : 1;
