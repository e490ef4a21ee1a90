import type { Configuration } from '../config/configuration.ts';
import { NoTracing, type Tracing } from './tracing.ts';

/** Outside the module's class, since the compiler leaves the name of a module as it is, `.ts`, inside a decorated one. */
export async function openTracing({ tracing, server }: Configuration): Promise<Tracing> {
  if (tracing.endpoint === '') return new NoTracing();
  const { OpenTelemetryTracing } = await import('./open-telemetry.ts');
  return new OpenTelemetryTracing(tracing, server.role);
}
