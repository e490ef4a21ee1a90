import { type DynamicModule, Module, type ModuleMetadata } from '@nestjs/common';
import { ConfigModule } from '../config/config.module.ts';
import type { Configuration } from '../config/configuration.ts';
import { MetricsModule } from '../metrics/metrics.module.ts';
import { TracingModule } from '../tracing/tracing.module.ts';

/** The modules that all others need, without a server. */
@Module({})
export class CliModule {
  static forRoot(configuration: Configuration, imports: ModuleMetadata['imports'] & object): DynamicModule {
    return {
      module: CliModule,
      imports: [ConfigModule.forRoot(configuration), MetricsModule, TracingModule, ...imports],
    };
  }
}
