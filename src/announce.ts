import { styleText } from 'node:util';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Accounts } from './admin/access/accounts.ts';
import { CONSOLE_PATH } from './admin/console/console.ts';
import { type Configuration, hasConsole } from './config/configuration.ts';
import { LoadedModel } from './models/loaded-model.ts';
import { JobRecorder } from './storage/job-recorder.ts';

/** On stderr, so that the log on stdout stays one JSON object per line. What the reader looks for comes last. */
export async function announce(app: NestFastifyApplication, { server }: Configuration): Promise<void> {
  const address = app.getHttpServer().address() as { port: number };
  const host = ['0.0.0.0', '::'].includes(server.host) ? 'localhost' : server.host;
  const url = `http://${host}:${address.port}`;
  const docs = server.docsEnabled ? `, documentation at ${url}/docs` : '';
  const storage = await app.get(JobRecorder).describe();
  const lines = [
    ...(storage === null ? [] : [storage]),
    `Face API is listening on ${prominent(url)} (model ${app.get(LoadedModel).name}${docs})`,
    ...(hasConsole(server.role) ? describeConsole(app.get(Accounts), url) : []),
  ];
  process.stderr.write(lines.map((line) => `${line}\n`).join(''));
}

function describeConsole({ generated }: Accounts, url: string): string[] {
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
