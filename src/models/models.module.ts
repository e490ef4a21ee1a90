import { Module } from '@nestjs/common';
import { Configuration } from '../config/configuration.ts';
import { LoadedModel } from './loaded-model.ts';
import { packageModelsFolder, resolveModel } from './model-files.ts';

@Module({
  providers: [
    {
      provide: LoadedModel,
      inject: [Configuration],
      useFactory: ({ inference }: Configuration): Promise<LoadedModel> =>
        resolveModel(inference.model, inference.modelsFolder || packageModelsFolder),
    },
  ],
  exports: [LoadedModel],
})
export class ModelsModule {}
