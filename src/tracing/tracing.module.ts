import { Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Configuration } from '../config/configuration.ts';
import { openTracing } from './open-tracing.ts';
import { Tracing } from './tracing.ts';

@Global()
@Module({
  providers: [{ provide: Tracing, inject: [Configuration], useFactory: openTracing }],
  exports: [Tracing],
})
export class TracingModule implements OnApplicationShutdown {
  constructor(private readonly tracing: Tracing) {}

  onApplicationShutdown(): Promise<void> {
    return this.tracing.flush();
  }
}
