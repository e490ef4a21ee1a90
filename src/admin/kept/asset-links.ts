import { Injectable } from '@nestjs/common';
import { Configuration } from '../../config/configuration.ts';
import { ObjectStore } from '../../storage/objects/object-store.ts';

/** Short-lived URLs of objects, created on request */
@Injectable()
export class AssetLinks {
  constructor(
    private readonly configuration: Configuration,
    private readonly objects: ObjectStore,
  ) {}

  /** @returns null for each key that is null, and for the expiry if there is no URL */
  async of<Name extends string>(
    keys: Readonly<Record<Name, string | null>>,
  ): Promise<Record<Name, string | null> & { url_expires_at: string | null }> {
    const seconds = this.configuration.storage.assetUrlSeconds;
    const expiresAt = new Date(Date.now() + seconds * 1000);
    const urls = await Promise.all(
      Object.entries<string | null>(keys).map(async ([name, key]) => [
        name,
        key === null ? null : await this.objects.temporaryUrl(key, seconds),
      ]),
    );
    const hasSome = Object.values(keys).some((key) => key !== null);
    return {
      ...(Object.fromEntries(urls) as Record<Name, string | null>),
      url_expires_at: hasSome ? expiresAt.toISOString() : null,
    };
  }
}
