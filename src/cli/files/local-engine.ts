import { availableParallelism } from 'node:os';
import { v7 } from 'uuid';
import { type Environment, readConfiguration } from '../../config/configuration.ts';
import { settings } from '../../config/settings.ts';
import { toImageRequest } from '../../inference/image-request.ts';
import type { JobKind } from '../../storage/job.ts';
import type { CliContext } from '../context.ts';
import { within } from '../within.ts';
import type { Engine } from './engine.ts';

/** Runs `work` with the services of the API, in this process. No job is stored. */
export async function withLocalEngine(
  context: CliContext,
  jobs: number | undefined,
  work: (engine: Engine) => Promise<void>,
): Promise<void> {
  const environment = context.environment();
  const configuration = readConfiguration({ ...environment, ...overrides(environment, jobs) });
  const [
    { DetectionModule },
    { DetectionService },
    { MaskingModule },
    { MaskingService },
    { InferenceModule },
    { ImageProcessing },
    { StorageModule },
  ] = await Promise.all([
    import('../../detection/detection.module.ts'),
    import('../../detection/detection.service.ts'),
    import('../../masking/masking.module.ts'),
    import('../../masking/masking.service.ts'),
    import('../../inference/inference.module.ts'),
    import('../../inference/image-processing.ts'),
    import('../../storage/storage.module.ts'),
  ]);
  const storage = await StorageModule.forRoot(configuration);
  const modules = [storage, InferenceModule, DetectionModule, MaskingModule];
  await context.restrictDecoders();
  await within(context, configuration, modules, async (app) => {
    const images = app.get(ImageProcessing);
    const detection = app.get(DetectionService);
    const masking = app.get(MaskingService);
    const { limits, inference } = configuration;
    await work({
      settings: [configuration.detection, configuration.masking, inference.model, inference.secondModel],
      jobs: limits.maxConcurrentInference,
      maxFileBytes: limits.maxUploadBytes,
      detect: (image, options, abandoned) => {
        const request = toRequest('detect', image, options, abandoned);
        return images.process(request, () => detection.detect(request));
      },
      mask: (image, options, abandoned) => {
        const request = toRequest('mask', image, options, abandoned);
        return images.process(request, () => masking.mask(request));
      },
    });
  });
}

/** As many images at the same time as asked for; inferences × threads should not exceed the cores. */
function overrides(environment: Environment, jobs: number | undefined): Environment {
  const { ortThreads } = settings.inference;
  return {
    [settings.storage.enabled.name]: 'false',
    ...(jobs !== undefined && {
      [settings.limits.maxConcurrentInference.name]: String(jobs),
      [ortThreads.name]: environment[ortThreads.name] ?? String(Math.max(1, Math.floor(availableParallelism() / jobs))),
    }),
  };
}

function toRequest<Options>(kind: JobKind, image: Uint8Array<ArrayBuffer>, options: Options, abandoned: AbortSignal) {
  return toImageRequest({
    id: v7(),
    kind,
    options,
    abandoned,
    apiKeyName: null,
    store: false,
    isInteractive: true,
    image,
  });
}
