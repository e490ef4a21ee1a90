import { hash } from 'node:crypto';
import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { from, type Observable, switchMap } from 'rxjs';
import { Configuration } from '../config/configuration.ts';
import { DomainError } from '../errors/domain-error.ts';
import { reachStorage } from '../storage/reach-storage.ts';
import { JobLookup } from '../storage/stored.ts';
import type { Box } from '../vision/geometry.ts';
import type { SingleMaskOptions } from './schemas.ts';

declare module '../http/request-context.ts' {
  interface RequestContext {
    /** Boxes of the faces in `keep_faces` */
    keptFaces?: readonly Box[];
  }
}

/** Looks up the faces that stay visible, before the request takes a permit. */
@Injectable()
export class KeptFacesInterceptor implements NestInterceptor {
  constructor(
    private readonly jobs: JobLookup,
    private readonly configuration: Configuration,
  ) {}

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { context } = execution.switchToHttp().getRequest<FastifyRequest>();
    const { image, options } = context.upload!;
    const { keep_faces: indexes, keep_faces_of: jobId } = options as SingleMaskOptions;
    if (indexes === undefined || jobId === undefined) return next.handle();
    return from(reachStorage(() => this.find(jobId, indexes, image, context.apiKeyName))).pipe(
      switchMap((boxes) => {
        context.keptFaces = boxes;
        return next.handle();
      }),
    );
  }

  /** @throws DomainError unknown_faces */
  private async find(
    jobId: string,
    indexes: readonly number[],
    image: Uint8Array,
    apiKeyName: string | null,
  ): Promise<Box[]> {
    if (!this.configuration.storage.enabled) {
      throw unknown('it needs storage, which is off. Send the boxes of the faces as regions with keep');
    }
    const job = await this.jobs.find(jobId);
    if (!job || (apiKeyName !== null && job.apiKeyName !== apiKeyName)) {
      throw unknown('no job with this ID is stored. It may have been deleted, or was not sent with this API key');
    }
    if (job.kind !== 'detect') throw unknown('this job is no detection. Send the ID of a detection');
    if (job.imageSha256 !== hash('sha256', image)) {
      throw unknown('this job detected faces in another image. Send exactly the same file');
    }
    const faces = job.faces ?? [];
    return indexes.map((index) => {
      const face = faces[index];
      if (face) return face.box;
      throw unknown(`there is no face ${index}: this job found ${faces.length} faces, numbered from 0`, 'keep_faces');
    });
  }
}

function unknown(detail: string, option = 'keep_faces_of'): DomainError {
  return new DomainError('unknown_faces', `${option}: ${detail}`);
}
