import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  HealthCheck,
  HealthCheckService,
  type HealthCheckResult,
  HealthIndicatorService,
  type HealthIndicatorResult,
} from '@nestjs/terminus';
import { InferencePool } from '../inference/inference-pool.ts';
import { LoadedModel } from '../models/loaded-model.ts';
import { JobRecorder } from '../storage/job-recorder.ts';

@ApiTags('operation')
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly pool: InferencePool,
    private readonly model: LoadedModel,
    private readonly recorder: JobRecorder,
  ) {}

  @Get('live')
  @HealthCheck()
  @ApiOperation({ operationId: 'live', summary: 'Liveness: do the workers respond? If not, restart the process' })
  live(): Promise<HealthCheckResult> {
    return this.health.check([() => this.workersAnswer()]);
  }

  @Get('ready')
  @HealthCheck()
  @ApiOperation({ operationId: 'ready', summary: 'Readiness: is the model loaded in every worker?' })
  ready(): Promise<HealthCheckResult> {
    return this.health.check([() => this.modelIsLoaded(), () => this.storageCondition()]);
  }

  private async workersAnswer(): Promise<HealthIndicatorResult> {
    const indicator = this.indicators.check('workers');
    return (await this.pool.isAlive()) ? indicator.up() : indicator.down('no worker responds');
  }

  private modelIsLoaded(): HealthIndicatorResult {
    const indicator = this.indicators.check('model');
    return this.pool.isWarm ? indicator.up({ name: this.model.name }) : indicator.down('starting or stopping');
  }

  /** Reports the condition of storage. Readiness does not depend on it, because requests are still answered. */
  private async storageCondition(): Promise<HealthIndicatorResult> {
    const indicator = this.indicators.check('storage');
    const condition = await this.recorder.condition();
    if (!condition) return indicator.up({ condition: 'off' });
    return indicator.up({
      condition: condition.status,
      spool_files: condition.spoolFiles,
      spool_bytes: condition.spoolBytes,
      oldest_seconds: condition.oldestSeconds,
      damaged: condition.damaged,
      lost: condition.lost,
    });
  }
}
