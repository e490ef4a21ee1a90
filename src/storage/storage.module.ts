import { type DynamicModule, Module } from '@nestjs/common';
import type { Configuration } from '../config/configuration.ts';
import { JobRecorder, NoRecorder } from './job-recorder.ts';

/** Gives the JobRecorder. With storage off, nothing of what storage needs is even loaded. */
@Module({})
export class StorageModule {
  static async with({ storage }: Configuration): Promise<DynamicModule> {
    if (storage.enabled) {
      const { KeptStorageModule } = await import('./kept-storage.module.ts');
      return { module: KeptStorageModule, global: true };
    }
    return {
      module: StorageModule,
      global: true,
      providers: [{ provide: JobRecorder, useClass: NoRecorder }],
      exports: [JobRecorder],
    };
  }
}
