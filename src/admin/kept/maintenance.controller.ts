import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { DomainError } from '../../errors/domain-error.ts';
import { ApiProblems, BODY_PROBLEMS } from '../../http/api-problems.ts';
import { ADMIN_API_PATH } from '../../http/route.ts';
import { StorageRepair, StoredRecords } from '../../storage/stored.ts';
import { Actor } from '../actor.ts';
import { toAuditItem } from './bodies.ts';
import {
  type AuditPage,
  auditPageSchema,
  type AuditQuery,
  auditQuerySchema,
  type Reconcile,
  type ReconciliationBody,
  reconcileSchema,
  reconciliationSchema,
} from './schemas.ts';
import { reachStorage } from '../../storage/reach-storage.ts';

const MAX_EXAMPLES = 20;

@ApiTags('admin')
@ApiProblems(
  'invalid_request',
  'unauthorized',
  'forbidden',
  'foreign_origin',
  'storage_off',
  'internal',
  'storage_unavailable',
)
@Controller(ADMIN_API_PATH)
export class MaintenanceController {
  constructor(
    private readonly records: StoredRecords,
    private readonly repair: StorageRepair,
  ) {}

  @Post('reconciliation')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'adminReconcile',
    summary: 'Compare records, objects and spool, and repair differences',
  })
  @ApiOkResponse({ description: 'What was repaired, or would be repaired', standardSchema: reconciliationSchema })
  @ApiProblems(...BODY_PROBLEMS, 'storage_off', 'already_running')
  reconcile(
    @Body({ schema: reconcileSchema }) { dry_run: dryRun }: Reconcile,
    @Actor() actor: string,
  ): Promise<ReconciliationBody> {
    return reachStorage(async () => {
      const found = await this.repair.reconcile(actor, { dryRun });
      if (!found)
        throw new DomainError('already_running', 'Another reconciliation is running. Try again when it is done');
      const finding = (all: readonly string[]) => ({ count: all.length, examples: all.slice(0, MAX_EXAMPLES) });
      return {
        dry_run: dryRun,
        orphans: finding(found.orphans),
        missing: finding(found.missing),
        stuck: finding(found.stuck),
      };
    });
  }

  @Get('audit')
  @ApiOperation({ operationId: 'adminAudit', summary: 'Audit log of changes to stored data, newest first' })
  @ApiOkResponse({ description: 'One page of the log', standardSchema: auditPageSchema })
  audit(@Query({ schema: auditQuerySchema }) page: AuditQuery): Promise<AuditPage> {
    return reachStorage(async () => {
      const { rows, next } = await this.records.audit(page);
      return { rows: rows.map(toAuditItem), next };
    });
  }
}
