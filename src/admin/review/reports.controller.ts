import { Controller, Get, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiProblems } from '../../http/api-problems.ts';
import { ADMIN_API_PATH } from '../../http/route.ts';
import { reachStorage } from '../../storage/reach-storage.ts';
import { StoredReports } from '../../storage/stored.ts';
import { type IdParams, idParamsSchema } from '../kept/schemas.ts';
import { type ReportsBody, reportsSchema } from './schemas.ts';

const MAX_REPORTS = 200;

@ApiTags('admin')
@ApiProblems('invalid_request', 'unauthorized', 'forbidden', 'internal', 'storage_off', 'storage_unavailable')
@Controller(`${ADMIN_API_PATH}images/:id/reports`)
export class ReportsController {
  constructor(private readonly reports: StoredReports) {}

  @Get()
  @ApiOperation({ operationId: 'adminReports', summary: 'List the reports from outside on an image' })
  @ApiOkResponse({ description: `The newest ${MAX_REPORTS}, newest first`, standardSchema: reportsSchema })
  list(@Param({ schema: idParamsSchema }) { id }: IdParams): Promise<ReportsBody> {
    return reachStorage(async () => {
      const rows = await this.reports.list(id, MAX_REPORTS);
      return {
        reports: rows.map(({ id: reportId, versionNumber, x, y, message, createdAt }) => ({
          id: reportId,
          version: versionNumber,
          point: x === null || y === null ? null : { x, y },
          message,
          created_at: createdAt.toISOString(),
        })),
      };
    });
  }
}
