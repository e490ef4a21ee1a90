import { Module } from '@nestjs/common';
import { Configuration } from '../config/configuration.ts';
import { LoadedModel, SecondModel } from './loaded-model.ts';
import { configuredModel, configuredSecondModel } from './model-files.ts';

@Module({
  providers: [
    { provide: LoadedModel, inject: [Configuration], useFactory: configuredModel },
    { provide: SecondModel, inject: [Configuration], useFactory: configuredSecondModel },
  ],
  exports: [LoadedModel, SecondModel],
})
export class ModelsModule {}
