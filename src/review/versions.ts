import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { Configuration } from '../config/configuration.ts';
import { DomainError } from '../errors/domain-error.ts';
import { ImageProcessing } from '../inference/image-processing.ts';
import { toImageRequest } from '../inference/image-request.ts';
import { type Masking, MaskingService } from '../masking/masking.service.ts';
import type { MaskRequestOptions } from '../masking/schemas.ts';
import type { Receipt } from '../receipts/receipt.ts';
import type { RecordedMask } from '../storage/job.ts';
import { ObjectStore } from '../storage/objects/object-store.ts';
import type { ImageRow } from '../storage/records/image.entity.ts';
import type { JobRow } from '../storage/records/job.entity.ts';
import type { VersionRow, VisibleFace } from '../storage/records/version.entity.ts';
import { StoredRecords, StoredVersions } from '../storage/stored.ts';
import { served } from '../storage/served-version.ts';
import type { MadeVersion } from '../storage/version-archive.ts';
import { countOthers, uncovers, type WantedMask, withOrigins } from './mask-lists.ts';

/** A change of the masks of an image */
export interface Edit {
  /** ID of the version that was changed */
  readonly basedOn: string;
  /** All masks of the new version; a number: those of this version. */
  readonly masks: readonly WantedMask[] | number;
  readonly visible: readonly VisibleFace[];
  readonly reason: string;
  readonly note: string | null;
}

export interface Editor {
  /** Name in the audit log */
  readonly actor: string;
  /** Whether a masked face may be made visible again */
  readonly mayUnmask: boolean;
}

/** The request that renders an image */
export interface Rendering {
  readonly requestId: string;
  readonly abandoned: AbortSignal;
  readonly apiKeyName: string | null;
}

/** Makes and serves the versions of masked images. */
@Injectable()
export class Versions {
  constructor(
    private readonly records: StoredRecords,
    private readonly stored: StoredVersions,
    private readonly objects: ObjectStore,
    private readonly images: ImageProcessing,
    private readonly masking: MaskingService,
    private readonly configuration: Configuration,
  ) {}

  /** Newest first. If nobody has changed the masks, the only version is the result of the latest masking. */
  async list(imageId: string): Promise<VersionRow[]> {
    const versions = await this.stored.list(imageId);
    if (versions.length > 0) return versions;
    const job = await this.stored.latestResult(imageId);
    return job ? [firstVersion(job)] : [];
  }

  /** The version that the stable URL serves; null: the image has no masked result. */
  async served(imageId: string): Promise<VersionRow | null> {
    return served(await this.list(imageId)) ?? null;
  }

  /** The version that is served in place of the result of a job; null: nobody has changed the masks of this result. */
  async servedInPlaceOf(jobId: string): Promise<VersionRow | null> {
    const first = await this.stored.find(jobId);
    return first && (served(await this.stored.list(first.imageId)) ?? null);
  }

  /**
   * Renders the masks without storing anything.
   * @throws DomainError not_found, invalid_option
   */
  async preview(imageId: string, masks: readonly WantedMask[], rendering: Rendering): Promise<Masking> {
    const image = await this.image(imageId);
    const base = served(await this.list(imageId));
    if (!base) throw noResult();
    refuseOutside(masks, image);
    return this.render(image, base, masks, rendering);
  }

  /**
   * Stores a new version. It is served at once, unless it makes a face visible and needs a second person.
   * @throws DomainError not_found, version_conflict, forbidden, invalid_option
   */
  async make(imageId: string, edit: Edit, { actor, mayUnmask }: Editor, rendering: Rendering): Promise<VersionRow> {
    const image = await this.image(imageId);
    const versions = await this.list(imageId);
    const base = served(versions);
    if (!base) throw noResult();
    if (base.id !== edit.basedOn) throw conflict(base);
    const masks = typeof edit.masks === 'number' ? masksOf(versions, edit.masks) : withOrigins(edit.masks, base.masks);
    refuseOutside(masks, image);
    const isUncovering = uncovers(base.masks, masks, sizeOf(image));
    if (isUncovering && !mayUnmask) throw mayNotUnmask();

    const id = v7();
    const { reason, note } = edit;
    const { body, format, encoded } = await this.render(image, base, masks, rendering, {
      id,
      previous_sha256: base.sha256,
      author: actor,
      reason,
      note,
      added: countOthers(masks, base.masks),
      removed: countOthers(base.masks, masks),
    });
    const row: MadeVersion['row'] = {
      id,
      imageId,
      state: isUncovering && this.configuration.review.secondPerson ? 'pending' : 'approved',
      basedOn: base.id,
      masks: [...masks],
      visible: [...edit.visible],
      settings: base.settings,
      author: actor,
      reason,
      note,
      uncovers: isUncovering,
      approvedBy: null,
      receipt: body.receipt,
      type: format,
      bytes: encoded.byteLength,
      sha256: hash('sha256', encoded),
      previousSha256: base.sha256,
      createdAt: new Date(),
    };
    const made = await this.stored.add(imageId, await this.firstOf(base), { row, image: encoded });
    return made ?? this.reportConflict(imageId);
  }

  /**
   * Approves a version that waits for a second person, who must not be its author.
   * @throws DomainError not_found, version_conflict, forbidden
   */
  async approve(imageId: string, number: number, actor: string): Promise<VersionRow> {
    const version = (await this.list(imageId)).find((each) => each.number === number);
    if (!version) throw noSuchVersion(number);
    if (version.author === actor) {
      throw new DomainError('forbidden', 'A version is approved by another person than its author');
    }
    return (await this.stored.approve(imageId, number, actor)) ?? this.reportConflict(imageId);
  }

  /** The one path of every image, without detection, with exactly these masks. */
  private async render(
    { objectKey }: ImageRow,
    { settings, type }: VersionRow,
    masks: readonly WantedMask[],
    { requestId, abandoned, apiKeyName }: Rendering,
    version?: Receipt['version'],
  ): Promise<Masking> {
    const original = objectKey === null ? null : await this.objects.get(objectKey);
    if (!original) throw new DomainError('not_found', 'The file of this image is lost. Upload the image again');
    const chosen = settings as MaskRequestOptions;
    const { metadataAllow } = this.configuration.masking;
    const options: MaskRequestOptions = {
      ...chosen,
      // What was permitted for the first version may not be any more: it must not hold up a correction.
      metadata: chosen.metadata?.filter((group) => group === 'none' || metadataAllow.includes(group)),
      format: type as NonNullable<MaskRequestOptions['format']>,
      detect: false,
      receipt: version !== undefined,
      regions: masks.map(({ left, top, right, bottom, shape, frame }) => ({ left, top, right, bottom, shape, frame })),
    };
    const request = toImageRequest<MaskRequestOptions>({
      id: requestId,
      kind: 'mask',
      options,
      abandoned,
      apiKeyName,
      store: false,
      isInteractive: true,
      // In its own ArrayBuffer, which can be transferred to the thread.
      image: Uint8Array.from(original),
    });
    return this.images.process(request, () => this.masking.mask(request, { version }));
  }

  private async image(imageId: string): Promise<ImageRow> {
    const image = await this.records.image(imageId);
    if (image) return image;
    throw new DomainError('not_found', 'Image not found. It may have been erased, or was never stored');
  }

  /** The first version with its image, if the base is the result of a job that nobody has changed yet */
  private async firstOf(base: VersionRow): Promise<MadeVersion | null> {
    if (base.number > 1 || base.objectKey === null) return null;
    return { row: base, image: await this.objects.get(base.objectKey) };
  }

  private async reportConflict(imageId: string): Promise<never> {
    const current = await this.served(imageId);
    throw current ? conflict(current) : noResult();
  }
}

/** The result of a job as a version, before anybody has changed its masks */
function firstVersion(job: JobRow): VersionRow {
  return {
    id: job.id,
    imageId: job.imageId!,
    number: 1,
    state: 'approved',
    basedOn: null,
    masks: job.masks!,
    visible: [],
    settings: renderSettings(job.settings as Record<string, unknown>),
    author: null,
    reason: null,
    note: null,
    uncovers: false,
    approvedBy: null,
    receipt: null,
    objectKey: job.resultKey,
    type: job.resultType!,
    bytes: job.resultBytes!,
    sha256: job.resultSha256!,
    previousSha256: null,
    createdAt: job.createdAt,
  };
}

/** What decides how masks look and how the image is encoded. Masks of a list are not grown. */
function renderSettings(settings: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const names = ['method', 'color', 'shape', 'strength', 'mark', 'metadata', 'quality', 'effort'];
  return { ...Object.fromEntries(names.map((name) => [name, settings[name]])), padding: 0, margin: 0 };
}

function masksOf(versions: readonly VersionRow[], number: number): readonly RecordedMask[] {
  const version = versions.find((each) => each.number === number);
  if (!version) throw noSuchVersion(number);
  return version.masks;
}

function sizeOf({ width, height }: ImageRow): { width: number; height: number } {
  // The image was masked, so its size is known.
  return { width: width!, height: height! };
}

function refuseOutside(masks: readonly WantedMask[], image: ImageRow): void {
  const { width, height } = sizeOf(image);
  const outside = masks.findIndex(
    ({ left, top, right, bottom }) => left >= width || top >= height || right <= 0 || bottom <= 0,
  );
  if (outside < 0) return;
  throw new DomainError(
    'invalid_option',
    `masks[${outside}] is outside the upright image of ${width} × ${height} pixels`,
  );
}

function conflict({ id, number, author }: VersionRow): DomainError {
  return new DomainError(
    'version_conflict',
    `Version ${number} is the current one now. Read it, repeat the change on it, and send it with based_on ${id}`,
    { members: { current_version: { id, number, author: author ?? 'service' } } },
  );
}

function mayNotUnmask(): DomainError {
  return new DomainError(
    'forbidden',
    'This change makes pixels visible that are masked now, which needs the right "unmask". Keep the masks and only add to them, or ask somebody who has the right',
  );
}

function noResult(): DomainError {
  return new DomainError(
    'not_found',
    'This image has no masked result whose masks are stored. Mask it again; results of earlier builds have no list of masks',
  );
}

function noSuchVersion(number: number): DomainError {
  return new DomainError('not_found', `The image has no version ${number}`);
}
