import { Module } from '@nestjs/common';
import { Configuration } from '../config/configuration.ts';
import { DetectionModule } from '../detection/detection.module.ts';
import { HttpModule } from '../http/http.module.ts';
import { InferenceModule } from '../inference/inference.module.ts';
import { BatchReceptionModule } from '../jobs/api/batch-reception.module.ts';
import { MaskingModule } from '../masking/masking.module.ts';
import { ReviewModule } from '../review/review.module.ts';
import { SessionStore } from '../storage/session-store.ts';
import { TrafficModule } from '../traffic/traffic.module.ts';
import { Accounts } from './access/accounts.ts';
import { LoginController } from './access/login.controller.ts';
import { LoginThrottle } from './access/login-throttle.ts';
import { OpenIdController } from './access/openid.controller.ts';
import { OpenId } from './access/openid.ts';
import { SessionController } from './access/session.controller.ts';
import { SessionOpener } from './access/session-opener.ts';
import { Sessions } from './access/sessions.ts';
import { BatchesController } from './batches/batches.controller.ts';
import { AssetLinks } from './kept/asset-links.ts';
import { ImagesController } from './kept/images.controller.ts';
import { JobsController } from './kept/jobs.controller.ts';
import { MaintenanceController } from './kept/maintenance.controller.ts';
import { Thumbnails } from './kept/thumbnails.ts';
import { PlaygroundController } from './playground/playground.controller.ts';
import { QueueController } from './review/queue.controller.ts';
import { ReportsController } from './review/reports.controller.ts';
import { VersionsController } from './review/versions.controller.ts';
import { StatisticsController } from './statistics/statistics.controller.ts';
import { SystemReport } from './system/system-report.ts';
import { SystemController } from './system/system.controller.ts';

const MINUTE_MS = 60_000;

@Module({
  imports: [
    HttpModule,
    InferenceModule,
    DetectionModule,
    MaskingModule,
    ReviewModule,
    TrafficModule,
    BatchReceptionModule,
  ],
  controllers: [
    LoginController,
    OpenIdController,
    SessionController,
    ImagesController,
    JobsController,
    BatchesController,
    MaintenanceController,
    StatisticsController,
    SystemController,
    PlaygroundController,
    VersionsController,
    QueueController,
    ReportsController,
  ],
  providers: [
    AssetLinks,
    Thumbnails,
    SystemReport,
    LoginThrottle,
    SessionOpener,
    {
      provide: Accounts,
      inject: [Configuration],
      useFactory: ({ admin, openId }: Configuration) =>
        Accounts.open(admin, openId.issuer === '' ? null : new OpenId(openId)),
    },
    {
      provide: Sessions,
      inject: [Configuration, Accounts, SessionStore],
      useFactory: ({ admin }: Configuration, accounts: Accounts, store: SessionStore) =>
        new Sessions(
          store,
          { idleMs: admin.sessionIdleMinutes * MINUTE_MS, absoluteMs: admin.sessionHours * 60 * MINUTE_MS },
          accounts,
        ),
    },
  ],
})
export class AdminModule {}
