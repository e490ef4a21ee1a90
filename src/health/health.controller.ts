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

@ApiTags('operation')
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly pool: InferencePool,
    private readonly model: LoadedModel,
  ) {}

  @Get('live')
  @HealthCheck()
  @ApiOperation({ operationId: 'live', summary: 'Do the workers answer? If not, the process should be restarted' })
  live(): Promise<HealthCheckResult> {
    return this.health.check([() => this.workersAnswer()]);
  }

  @Get('ready')
  @HealthCheck()
  @ApiOperation({ operationId: 'ready', summary: 'Is the model loaded in every worker, and are requests taken?' })
  ready(): Promise<HealthCheckResult> {
    return this.health.check([() => this.modelIsLoaded()]);
  }

  private async workersAnswer(): Promise<HealthIndicatorResult> {
    const indicator = this.indicators.check('workers');
    return (await this.pool.isAlive()) ? indicator.up() : indicator.down('no worker answers');
  }

  private modelIsLoaded(): HealthIndicatorResult {
    const indicator = this.indicators.check('model');
    return this.pool.isWarm ? indicator.up({ name: this.model.name }) : indicator.down('starting or stopping');
  }
}
