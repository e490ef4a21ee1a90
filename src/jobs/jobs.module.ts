import { type DynamicModule, Module, type Type } from '@nestjs/common';
import type { Configuration } from '../config/configuration.ts';
import { JobsOffModule } from './jobs-off.module.ts';
import { WebhookModule } from './webhooks/webhook.module.ts';

/** Provides batches to the API and the console, whether storage is on or off. */
@Module({})
export class JobsModule {
  static async forRoot({ storage }: Configuration): Promise<DynamicModule> {
    const parts = storage.enabled ? await loadJobsOn() : JobsOffModule;
    return { module: JobsModule, global: true, imports: [parts, WebhookModule], exports: [parts, WebhookModule] };
  }
}

/** Outside the class: the compiler does not rewrite `.ts` to `.js` in an import inside a decorated class. */
async function loadJobsOn(): Promise<Type> {
  const { JobsOnModule } = await import('./jobs-on.module.ts');
  return JobsOnModule;
}
