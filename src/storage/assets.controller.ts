import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { DomainError } from '../errors/domain-error.ts';
import { AssetUrls } from './objects/asset-urls.ts';
import { contentTypeOf, isKey } from './objects/object-keys.ts';
import { ObjectStore } from './objects/object-store.ts';

/**
 * Serves the objects of the folder for signed URLs, which the API of the console creates. No other authentication is
 * required, because an `<img>` element cannot send a key.
 */
@ApiExcludeController()
@Controller('api/v1/assets')
export class AssetsController {
  constructor(
    private readonly objects: ObjectStore,
    private readonly urls: AssetUrls,
  ) {}

  @Get('*')
  async read(
    @Param('*') key: string,
    @Query('expires') expires: unknown,
    @Query('signature') signature: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer> {
    const isSigned =
      isKey(key) &&
      typeof expires === 'string' &&
      typeof signature === 'string' &&
      this.urls.verify(key, expires, signature);
    // The same response for a wrong signature, an expired one and a missing object: it reveals nothing.
    const bytes = isSigned ? await this.objects.get(key) : null;
    if (!bytes) throw new DomainError('not_found', 'The URL does not exist or has expired');
    void reply
      .type(contentTypeOf(key))
      .header('cache-control', 'private, max-age=300')
      .header('content-disposition', 'inline')
      // A browser that opens the bytes runs no scripts, whatever they contain.
      .header('content-security-policy', "default-src 'none'; sandbox");
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}
