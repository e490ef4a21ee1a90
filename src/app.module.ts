import { type DynamicModule, Module, type ModuleMetadata, RequestMethod } from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import { AdminModule } from './admin/admin.module.ts';
import { ConfigModule } from './config/config.module.ts';
import type { Configuration, Role } from './config/configuration.ts';
import { DetectionApiModule } from './detection/detection.module.ts';
import { FetchingModule } from './fetching/fetching.module.ts';
import { JobsApiModule } from './jobs/api/jobs-api.module.ts';
import { JobsModule } from './jobs/jobs.module.ts';
import { HealthModule } from './health/health.module.ts';
import { HomeModule } from './home/home.module.ts';
import { HttpModule } from './http/http.module.ts';
import { loggerOptions } from './http/logging.ts';
import { STARTED_THREADS, type WorkerThreads } from './inference/worker-threads.ts';
import { MaskingApiModule } from './masking/masking.module.ts';
import { MetricsModule } from './metrics/metrics.module.ts';
import { StorageModule } from './storage/storage.module.ts';
import { TracingModule } from './tracing/tracing.module.ts';
import { ReceiptsApiModule } from './receipts/receipts.module.ts';
import { ReviewApiModule } from './review/api/review-api.module.ts';
import { TrafficModule } from './traffic/traffic.module.ts';

const PUBLIC_API = [DetectionApiModule, MaskingApiModule, ReceiptsApiModule, JobsApiModule, ReviewApiModule];

/** What each role serves beside health, metrics and what all of them stand on. */
const roles: Record<Role, ModuleMetadata['imports'] & object> = {
  api: PUBLIC_API,
  admin: [AdminModule],
  all: [...PUBLIC_API, AdminModule],
  worker: [],
};

@Module({})
export class AppModule {
  /** @param threads those that were started before the application; null: it starts its own */
  static forRoot(configuration: Configuration, threads: WorkerThreads | null): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(configuration),
        LoggerModule.forRoot({
          pinoHttp: loggerOptions(configuration.logging),
          // The module's own default, `{/*splat}`, matches nothing in Fastify's middleware: no request was logged.
          forRoutes: [{ path: '*splat', method: RequestMethod.ALL }],
        }),
        ...(threads ? [startedThreads(threads)] : []),
        MetricsModule,
        TracingModule,
        HttpModule,
        FetchingModule,
        StorageModule.forRoot(configuration),
        JobsModule.forRoot(configuration),
        HealthModule,
        HomeModule,
        TrafficModule,
        ...roles[configuration.server.role],
      ],
    };
  }
}

@Module({})
class StartedThreadsModule {}

function startedThreads(threads: WorkerThreads): DynamicModule {
  const providers = [{ provide: STARTED_THREADS, useValue: threads }];
  return { module: StartedThreadsModule, global: true, providers, exports: providers };
}
