import { Module } from '@nestjs/common';
import { Configuration } from '../config/configuration.ts';
import { LoadedModel, SecondModel } from './loaded-model.ts';
import { packageModelsFolder, resolveModel } from './model-files.ts';

@Module({
  providers: [
    {
      provide: LoadedModel,
      inject: [Configuration],
      useFactory: ({ inference }: Configuration): Promise<LoadedModel> =>
        resolveModel(inference.model, inference.modelsFolder || packageModelsFolder),
    },
    {
      provide: SecondModel,
      inject: [Configuration],
      useFactory: async ({ inference }: Configuration): Promise<SecondModel> => ({
        model: inference.secondModel
          ? await resolveModel(inference.secondModel, inference.modelsFolder || packageModelsFolder)
          : null,
      }),
    },
  ],
  exports: [LoadedModel, SecondModel],
})
export class ModelsModule {}
