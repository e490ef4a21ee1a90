import { Body, Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DomainError, problems } from '../../errors/domain-error.ts';
import { ObjectStore } from '../../storage/objects/object-store.ts';
import { reachStorage } from '../../storage/reach-storage.ts';
import type { ImageRow } from '../../storage/records/image.entity.ts';
import type { VersionRow } from '../../storage/records/version.entity.ts';
import { StoredRecords, StoredReports } from '../../storage/stored.ts';
import { ReportLinks } from '../report-links.ts';
import { Versions } from '../versions.ts';
import { readReport } from './report-form.ts';
import { problemPage, REPORT_PAGE_HEADERS, reportPage, thanksPage } from './report-page.ts';
import { ReportThrottle } from './report-throttle.ts';
import { sendServed } from './served-image.ts';

interface Reported {
  readonly image: ImageRow;
  readonly version: VersionRow;
}

/** The public page on which somebody reports a face in a published photo. It shows the masked image, never the original. */
@ApiExcludeController()
@Controller('report/:token')
export class ReportController {
  constructor(
    private readonly links: ReportLinks,
    private readonly throttle: ReportThrottle,
    private readonly records: StoredRecords,
    private readonly versions: Versions,
    private readonly reports: StoredReports,
    private readonly objects: ObjectStore,
  ) {}

  @Get()
  page(
    @Param('token') token: string,
    @Req() { ip }: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    return asPage(reply, async () => {
      await this.throttle.countLook(ip);
      const { image } = await this.find(token);
      return reportPage(`/report/${token}`, { width: image.width ?? 1, height: image.height ?? 1 });
    });
  }

  @Get('image')
  async image(
    @Param('token') token: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer | undefined> {
    await this.throttle.countLook(request.ip);
    const { version } = await this.find(token);
    return reachStorage(() => sendServed(version, this.objects, request, reply));
  }

  @Post()
  @HttpCode(200)
  @RouteConfig({ form: true })
  report(
    @Param('token') token: string,
    @Body() body: unknown,
    @Req() { ip }: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    return asPage(reply, async () => {
      await this.throttle.countLook(ip);
      const { image, version } = await this.find(token);
      const { x, y, message } = readReport(body);
      await this.throttle.countReport(ip, image.id);
      const place =
        x === undefined || y === undefined ? { x: null, y: null } : { x: x * image.width!, y: y * image.height! };
      const report = { imageId: image.id, versionNumber: version.number, ...place, message };
      if (!(await reachStorage(() => this.reports.add(report)))) throw noSuchPage();
      return thanksPage();
    });
  }

  /** @throws DomainError not_found: the same for a wrong token, an erased image and while reports are off */
  private async find(token: string): Promise<Reported> {
    const imageId = this.links.imageOf(token);
    if (imageId === null) throw noSuchPage();
    return reachStorage(async () => {
      const image = await this.records.image(imageId);
      const version = image && (await this.versions.served(imageId));
      if (!version) throw noSuchPage();
      return { image, version };
    });
  }
}

/** People read problems here, not programs. */
async function asPage(reply: FastifyReply, work: () => Promise<string>): Promise<string> {
  void reply.type('text/html; charset=utf-8').headers(REPORT_PAGE_HEADERS);
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    void reply.code(error.status).headers(error.headers);
    return problemPage(problems[error.code].title, error.message);
  }
}

function noSuchPage(): DomainError {
  return new DomainError('not_found', 'This page does not exist, or the photo was deleted');
}
