import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { DomainError } from '../../errors/domain-error.ts';
import { ApiProblems } from '../../http/api-problems.ts';
import { ADMIN_API_PATH } from '../../http/route.ts';
import { type SystemBody, systemSchema } from './schemas.ts';

@ApiTags('admin')
@ApiProblems('unauthorized', 'internal')
@Controller(`${ADMIN_API_PATH}system`)
export class SystemController {
  @Get()
  @ApiOperation({ operationId: 'adminSystem', summary: 'What this process is, how it is set up, and how it fares' })
  @ApiOkResponse({ description: 'All of it', standardSchema: systemSchema })
  system(): SystemBody {
    throw new DomainError('not_ready', 'Nothing is told of the system yet');
  }
}
