import { type DynamicModule, Module, type Type } from '@nestjs/common';
import type { Configuration } from '../config/configuration.ts';
import { StorageOffModule } from './storage-off.module.ts';

/** Provides storage to every module, whether it is on or off. */
@Module({})
export class StorageModule {
  static async forRoot({ storage }: Configuration): Promise<DynamicModule> {
    const parts = storage.enabled ? await loadStorageOn() : StorageOffModule;
    return { module: StorageModule, global: true, imports: [parts], exports: [parts] };
  }
}

/** Outside the class: the compiler does not rewrite `.ts` to `.js` in an import inside a decorated class. */
async function loadStorageOn(): Promise<Type> {
  const { StorageOnModule } = await import('./storage-on.module.ts');
  return StorageOnModule;
}
