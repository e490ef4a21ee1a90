import { statfs } from 'node:fs/promises';
import { arch, availableParallelism, platform, totalmem } from 'node:os';
import { Injectable } from '@nestjs/common';
import { Configuration } from '../../config/configuration.ts';
import { RequestSlots } from '../../http/request-slots.ts';
import { InferencePool } from '../../inference/inference-pool.ts';
import { InferenceSemaphore } from '../../inference/inference-semaphore.ts';
import { LoadedModel, SecondModel } from '../../models/loaded-model.ts';
import { JobRecorder } from '../../storage/job-recorder.ts';
import { VERSION } from '../../version.ts';
import type { SystemBody } from './schemas.ts';
import { reportSettings, withoutSecrets } from './settings-report.ts';

/** Version, configuration and status of this process. Unavailable parts of storage are reported as unreachable. */
@Injectable()
export class SystemReport {
  constructor(
    private readonly configuration: Configuration,
    private readonly model: LoadedModel,
    private readonly secondModel: SecondModel,
    private readonly pool: InferencePool,
    private readonly semaphore: InferenceSemaphore,
    private readonly slots: RequestSlots,
    private readonly recorder: JobRecorder,
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
      second_model: this.secondModel.model && describeModel(this.secondModel.model),
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
    const [condition, reach] = await Promise.all([this.recorder.condition(), this.recorder.reach()]);
    if (!condition || !reach) {
      return { enabled: false, condition: null, problems: [], database: null, objects: null, spool: null };
    }
    const { database, objects } = reach;
    return {
      enabled: true,
      condition: condition.status,
      problems: condition.problems.map(withoutSecrets),
      database: {
        kind: database.isEmbedded ? 'embedded' : 'external',
        reachable: database.latencyMs !== null,
        latency_ms: database.latencyMs,
      },
      objects: {
        kind: this.configuration.s3.bucket === '' ? 'folder' : 's3',
        place: withoutSecrets(objects.place),
        reachable: objects.latencyMs !== null,
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
    if (!this.recorder.isOn) return null;
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
