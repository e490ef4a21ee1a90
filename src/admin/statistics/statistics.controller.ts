import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { DomainError } from '../../errors/domain-error.ts';
import { ApiProblems } from '../../http/api-problems.ts';
import { ADMIN_API_PATH } from '../../http/route.ts';
import { type StatisticsBody, type StatisticsQuery, statisticsQuerySchema, statisticsSchema } from './schemas.ts';

@ApiTags('admin')
@ApiProblems('invalid_request', 'unauthorized', 'internal', 'storage_unavailable')
@Controller(`${ADMIN_API_PATH}statistics`)
export class StatisticsController {
  @Get()
  @ApiOperation({
    operationId: 'adminStatistics',
    summary: 'What the service did over time, and which instances do it',
  })
  @ApiOkResponse({ description: 'The buckets of the period', standardSchema: statisticsSchema })
  statistics(@Query({ schema: statisticsQuerySchema }) query: StatisticsQuery): StatisticsBody {
    throw new DomainError('not_ready', `Statistics every ${query.step_seconds} s are not counted yet`);
  }
}
