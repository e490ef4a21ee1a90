import { Module } from '@nestjs/common';
import { Configuration } from '../config/configuration.ts';
import { LoadedModel, VerifyModel } from './loaded-model.ts';
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
      provide: VerifyModel,
      inject: [Configuration],
      useFactory: async ({ inference }: Configuration): Promise<VerifyModel> => ({
        model: inference.verifyModel
          ? await resolveModel(inference.verifyModel, inference.modelsFolder || packageModelsFolder)
          : null,
      }),
    },
  ],
  exports: [LoadedModel, VerifyModel],
})
export class ModelsModule {}
