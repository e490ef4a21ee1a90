import { type DynamicModule, Module, type Type } from '@nestjs/common';
import type { Configuration } from '../config/configuration.ts';
import { JobRecorder, NoRecorder } from './job-recorder.ts';
import { KeptStorage } from './kept-storage.ts';

/** Gives the JobRecorder. With storage off, nothing of what storage needs is even loaded. */
@Module({})
export class StorageModule {
  static async forRoot({ storage }: Configuration): Promise<DynamicModule> {
    if (storage.enabled) return { module: await loadKeptStorage(), global: true };
    return {
      module: StorageModule,
      global: true,
      providers: [
        { provide: JobRecorder, useClass: NoRecorder },
        { provide: KeptStorage, useValue: null },
      ],
      exports: [JobRecorder, KeptStorage],
    };
  }
}

/** Outside the class: the compiler leaves the name of a module as it is, `.ts`, where it is imported inside a decorated one. */
async function loadKeptStorage(): Promise<Type> {
  const { KeptStorageModule } = await import('./kept-storage.module.ts');
  return KeptStorageModule;
}
