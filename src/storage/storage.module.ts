import { type DynamicModule, Module, type Type } from '@nestjs/common';
import type { Configuration } from '../config/configuration.ts';
import { StorageOffModule } from './storage-off.module.ts';

/** Gives every module what it uses of storage, whether storage is on or off. */
@Module({})
export class StorageModule {
  static async forRoot({ storage }: Configuration): Promise<DynamicModule> {
    const parts = storage.enabled ? await loadStorageOn() : StorageOffModule;
    return { module: StorageModule, global: true, imports: [parts], exports: [parts] };
  }
}

/** Outside the class: the compiler leaves the name of a module as it is, `.ts`, where it is imported inside a decorated one. */
async function loadStorageOn(): Promise<Type> {
  const { StorageOnModule } = await import('./storage-on.module.ts');
  return StorageOnModule;
}
