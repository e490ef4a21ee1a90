import { statfs } from 'node:fs/promises';
import { arch, availableParallelism, platform, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { Configuration } from '../../config/configuration.ts';
import { RequestSlots } from '../../http/request-slots.ts';
import { InferencePool } from '../../inference/inference-pool.ts';
import { InferenceSemaphore } from '../../inference/inference-semaphore.ts';
import { LoadedModel, VerifyModel } from '../../models/loaded-model.ts';
import { JobRecorder } from '../../storage/job-recorder.ts';
import { KeptStorage } from '../../storage/kept-storage.ts';
import { VERSION } from '../../version.ts';
import type { SystemBody } from './schemas.ts';
import { reportSettings, withoutSecrets } from './settings-report.ts';

const PROBE_TIMEOUT_MS = 2000;

/** Version, configuration and status of this process. Reports unavailable parts of storage as such. */
@Injectable()
export class SystemReport {
  constructor(
    private readonly configuration: Configuration,
    private readonly model: LoadedModel,
    private readonly verifyModel: VerifyModel,
    private readonly pool: InferencePool,
    private readonly semaphore: InferenceSemaphore,
    private readonly slots: RequestSlots,
    private readonly recorder: JobRecorder,
    @Inject(KeptStorage) private readonly kept: KeptStorage | null,
  ) {}

  async read(): Promise<SystemBody> {
    const { rss, heapUsed } = process.memoryUsage();
    const [storage, disk] = await Promise.all([this.storage(), this.disk()]);
    return {
      version: VERSION,
      role: this.configuration.server.role,
      started_at: new Date(Date.now() - process.uptime() * 1000).toISOString(),
      node: process.version,
      platform: `${platform()} ${arch()}`,
      cores: availableParallelism(),
      memory: { rss_bytes: rss, heap_bytes: heapUsed, total_bytes: memoryLimit() },
      model: describeModel(this.model),
      verify_model: this.verifyModel.model && describeModel(this.verifyModel.model),
      pool: {
        ...this.pool.load,
        slots: this.slots.limit,
        slots_used: this.slots.inUse,
        inference: this.semaphore.limit,
        inference_used: this.semaphore.inUse,
      },
      storage,
      disk,
      configuration: reportSettings(this.configuration),
    };
  }

  private async storage(): Promise<SystemBody['storage']> {
    const condition = await this.recorder.condition();
    if (!this.kept || !condition) {
      return { enabled: false, condition: null, problems: [], database: null, objects: null, spool: null };
    }
    const { database, objects } = this.kept;
    const [databaseMs, objectsMs] = await Promise.all([
      latencyOf(() => database.check()),
      latencyOf(() => objects.check()),
    ]);
    return {
      enabled: true,
      condition: condition.status,
      problems: condition.problems.map(withoutSecrets),
      database: {
        kind: database.isEmbedded ? 'embedded' : 'external',
        reachable: databaseMs !== null,
        latency_ms: databaseMs,
      },
      objects: {
        kind: this.configuration.s3.bucket === '' ? 'folder' : 's3',
        place: withoutSecrets(objects.place),
        reachable: objectsMs !== null,
      },
      spool: {
        files: condition.spoolFiles,
        bytes: condition.spoolBytes,
        max_bytes: this.configuration.storage.spoolMaxBytes,
        oldest_seconds: condition.oldestSeconds,
        damaged: condition.damaged,
        lost: condition.lost,
      },
    };
  }

  private async disk(): Promise<SystemBody['disk']> {
    if (!this.kept) return null;
    const path = this.configuration.storage.dataFolder;
    const { bsize, blocks, bavail } = await statfs(path);
    return { path, total_bytes: bsize * blocks, free_bytes: bsize * bavail };
  }
}

function describeModel({ name, sha256, license, source, path }: LoadedModel): SystemBody['model'] {
  return { name, sha256, license, source, path };
}

/** The memory limit of the container if it is below that of the machine. */
function memoryLimit(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/** In ms; null if it fails or takes too long. */
async function latencyOf(check: () => Promise<void>): Promise<number | null> {
  const start = performance.now();
  const answer = check().then(
    () => Math.round((performance.now() - start) * 100) / 100,
    () => null,
  );
  return Promise.race([answer, sleep(PROBE_TIMEOUT_MS, null, { ref: false })]);
}
