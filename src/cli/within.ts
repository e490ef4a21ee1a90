import type { INestApplicationContext, ModuleMetadata } from '@nestjs/common';
import type { Configuration } from '../config/configuration.ts';
import { CliLog } from './cli-log.ts';
import type { CliContext } from './context.ts';

/** Runs `work` with these modules of the service, without a server, and closes them in any case. Nest takes longer to load than most commands run. */
export async function within<Result>(
  { stderr }: CliContext,
  configuration: Configuration,
  imports: ModuleMetadata['imports'] & object,
  work: (app: INestApplicationContext) => Promise<Result>,
): Promise<Result> {
  const [{ NestFactory }, { CliModule }] = await Promise.all([import('@nestjs/core'), import('./cli.module.ts')]);
  const app = await NestFactory.createApplicationContext(CliModule.forRoot(configuration, imports), {
    logger: new CliLog(stderr),
    abortOnError: false,
  });
  try {
    return await work(app);
  } finally {
    await app.close();
  }
}
