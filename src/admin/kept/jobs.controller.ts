import { Controller, Get, Param, Query, Res, StreamableFile } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { DomainError } from '../../errors/domain-error.ts';
import { ApiProblems } from '../../http/api-problems.ts';
import { ADMIN_API_PATH } from '../../http/route.ts';
import { Versions } from '../../review/versions.ts';
import type { JobFilter } from '../../storage/records/listing.ts';
import { StoredRecords } from '../../storage/stored.ts';
import { AssetLinks } from './asset-links.ts';
import { toImageItem, toJobItem } from './bodies.ts';
import { jobsAsCsv } from './jobs-csv.ts';
import {
  type IdParams,
  idParamsSchema,
  type JobDetail,
  jobDetailSchema,
  type JobPage,
  jobPageSchema,
  type JobsCsvQuery,
  jobsCsvQuerySchema,
  type JobsQuery,
  jobsQuerySchema,
} from './schemas.ts';
import { reachStorage } from '../../storage/reach-storage.ts';

@ApiTags('admin')
@ApiProblems('invalid_request', 'unauthorized', 'forbidden', 'storage_off', 'internal', 'storage_unavailable')
@Controller(ADMIN_API_PATH)
export class JobsController {
  constructor(
    private readonly records: StoredRecords,
    private readonly links: AssetLinks,
    private readonly versions: Versions,
  ) {}

  @Get('jobs')
  @ApiOperation({ operationId: 'adminJobs', summary: 'List stored jobs' })
  @ApiOkResponse({ description: 'One page of the list', standardSchema: jobPageSchema })
  jobs(@Query({ schema: jobsQuerySchema }) query: JobsQuery): Promise<JobPage> {
    const { limit, after, sort } = query;
    return reachStorage(async () => {
      const page = await this.records.jobs(toJobFilter(query), { limit, after, sort });
      return { rows: page.rows.map(toJobItem), next: page.next };
    });
  }

  @Get('jobs.csv')
  @ApiOperation({
    operationId: 'adminJobsCsv',
    summary: 'Export jobs as CSV',
    description: 'Cells that a spreadsheet would run as a formula are prefixed with an apostrophe.',
  })
  @ApiProduces('text/csv')
  @ApiOkResponse({ description: 'A header line, then one line per job', schema: { type: 'string' } })
  csv(
    @Query({ schema: jobsCsvQuerySchema }) query: JobsCsvQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile> {
    // The hooks and the stream together add more listeners than Node's default limit.
    reply.raw.setMaxListeners(20);
    return reachStorage(async () => {
      const lines = await jobsAsCsv(this.records, toJobFilter(query), query.sort);
      return new StreamableFile(lines, {
        type: 'text/csv; charset=utf-8',
        disposition: 'attachment; filename="jobs.csv"',
      });
    });
  }

  @Get('jobs/:id')
  @ApiOperation({ operationId: 'adminJob', summary: 'Get a job with its faces' })
  @ApiOkResponse({ description: 'The job', standardSchema: jobDetailSchema })
  @ApiProblems('not_found')
  job(@Param({ schema: idParamsSchema }) { id }: IdParams): Promise<JobDetail> {
    return reachStorage(async () => {
      const row = await this.records.job(id);
      if (!row) throw new DomainError('not_found', 'Job not found. It may have been erased, or is not stored yet');
      const version = await this.versions.servedInPlaceOf(id);
      const resultKey = version ? version.objectKey : row.resultKey;
      const keys = { original_url: row.image?.objectKey ?? null, result_url: resultKey };
      return {
        ...toJobItem(row),
        model_sha256: row.modelSha256,
        options: row.options as Record<string, unknown>,
        settings: row.settings as JobDetail['settings'],
        verification: row.verification as JobDetail['verification'],
        metadata: row.metadata as JobDetail['metadata'],
        faces: row.faces as JobDetail['faces'],
        timings: row.timings,
        result_version: version?.number ?? null,
        image: row.image ? toImageItem(row.image) : null,
        ...(await this.links.of(keys)),
      };
    });
  }
}

export function toJobFilter(query: JobsCsvQuery): JobFilter {
  return {
    search: query.search,
    kind: query.kind,
    status: query.status,
    modelName: query.model,
    errorCode: query.error,
    imageId: query.image_id,
    requestId: query.request_id,
    hasUncertain: query.uncertain,
    minFaces: query.min_faces,
    maxFaces: query.max_faces,
    from: query.from,
    to: query.to,
  };
}
