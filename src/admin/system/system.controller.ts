import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiProblems } from '../../http/api-problems.ts';
import { ADMIN_API_PATH } from '../../http/route.ts';
import { type SystemBody, systemSchema } from './schemas.ts';
import { SystemReport } from './system-report.ts';

@ApiTags('admin')
@ApiProblems('unauthorized', 'forbidden', 'internal', 'storage_unavailable')
@Controller(`${ADMIN_API_PATH}system`)
export class SystemController {
  constructor(private readonly report: SystemReport) {}

  @Get()
  @ApiOperation({ operationId: 'adminSystem', summary: 'System information: version, configuration, status' })
  @ApiOkResponse({ description: 'The system information', standardSchema: systemSchema })
  system(): Promise<SystemBody> {
    return this.report.read();
  }
}
