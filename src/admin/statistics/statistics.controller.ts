import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { DomainError } from '../../errors/domain-error.ts';
import { ApiProblems } from '../../http/api-problems.ts';
import { ADMIN_API_PATH } from '../../http/route.ts';
import type { InstanceRow } from '../../storage/records/instance.entity.ts';
import type { Tally } from '../../traffic/tally.ts';
import { type Period, Traffic } from '../../traffic/traffic.ts';
import {
  type Bucket,
  type InstanceBody,
  type StatisticsBody,
  type StatisticsQuery,
  statisticsQuerySchema,
  statisticsSchema,
} from './schemas.ts';

const HOUR_MS = 3_600_000;
const MAX_BUCKETS = 1500;
/** Longest period that is read per minute. */
const MAX_PERIOD_OF_MINUTES_MS = 48 * HOUR_MS;

@ApiTags('admin')
@ApiProblems('invalid_request', 'unauthorized', 'forbidden', 'internal', 'storage_unavailable')
@Controller(`${ADMIN_API_PATH}statistics`)
export class StatisticsController {
  constructor(private readonly traffic: Traffic) {}

  @Get()
  @ApiOperation({
    operationId: 'adminStatistics',
    summary: 'Traffic statistics and running instances',
    description: 'The period is extended to whole steps, counted from 1970.',
  })
  @ApiOkResponse({ description: 'The buckets of the period', standardSchema: statisticsSchema })
  async statistics(@Query({ schema: statisticsQuerySchema }) query: StatisticsQuery): Promise<StatisticsBody> {
    const period = toPeriod(query);
    const { scope, buckets, totals, instances } = await this.traffic.statistics(period);
    return {
      from: new Date(period.from).toISOString(),
      to: new Date(period.to).toISOString(),
      step_seconds: query.step_seconds,
      buckets: buckets.map(({ at, tally }) => toBucket(at, tally)),
      totals: toBucket(period.from, totals),
      scope,
      instances: instances.map(toInstance),
    };
  }
}

function toPeriod({ from, to, step_seconds }: StatisticsQuery): Period {
  const stepMs = step_seconds * 1000;
  const end = to?.getTime() ?? Date.now();
  const start = from?.getTime() ?? end - HOUR_MS;
  if (start >= end) throw new DomainError('invalid_request', 'from must be earlier than to');
  const period = { from: Math.floor(start / stepMs) * stepMs, to: Math.ceil(end / stepMs) * stepMs, stepMs };
  if ((period.to - period.from) / stepMs > MAX_BUCKETS) {
    throw new DomainError('invalid_request', `The limit is ${MAX_BUCKETS} buckets: use a longer step`);
  }
  if (stepMs % HOUR_MS !== 0 && period.to - period.from > MAX_PERIOD_OF_MINUTES_MS) {
    throw new DomainError('invalid_request', 'For more than two days, step_seconds must be a multiple of 3600');
  }
  return period;
}

function toBucket(at: number, { counts, latencies }: Tally): Bucket {
  const percentile = (share: number) => {
    const ms = latencies.percentile(share);
    return ms === null ? null : Number(ms.toPrecision(4));
  };
  return {
    at: new Date(at).toISOString(),
    requests: counts.requests,
    rejected: counts.rejected,
    client_errors: counts.clientErrors,
    server_errors: counts.serverErrors,
    faces: counts.faces,
    masked: counts.masked,
    bytes_in: counts.bytesIn,
    bytes_out: counts.bytesOut,
    p50_ms: percentile(0.5),
    p95_ms: percentile(0.95),
    p99_ms: percentile(0.99),
  };
}

function toInstance({ name, role, version, condition, seenAt }: InstanceRow): InstanceBody {
  return {
    name,
    role: role as InstanceBody['role'],
    version,
    seen_at: seenAt.toISOString(),
    in_flight: condition.inFlight,
    slots: condition.slots,
    inferring: condition.inferring,
    waiting: condition.waiting,
    spool_files: condition.spoolFiles,
    spool_bytes: condition.spoolBytes,
    spool_oldest_seconds: condition.spoolOldestSeconds,
    storage: condition.storage,
  };
}
