import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { DomainError } from '../errors/domain-error.ts';
import { AssetUrls } from './objects/asset-urls.ts';
import { contentTypeOf, isKey } from './objects/object-keys.ts';
import { ObjectStore } from './objects/object-store.ts';

/**
 * Gives the objects of the folder to those who come with a signed address, which the console's API makes. The signature
 * is all that is asked for: a browser's image element can send no key.
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
    // One answer for a wrong signature, an expired one and a missing object: nothing can be learnt from it.
    const bytes = isSigned ? await this.objects.get(key) : null;
    if (!bytes) throw new DomainError('not_found', 'The URL does not exist or has expired');
    void reply
      .type(contentTypeOf(key))
      .header('cache-control', 'private, max-age=300')
      .header('content-disposition', 'inline')
      // Whatever the bytes are, a browser that opens them runs nothing of them.
      .header('content-security-policy', "default-src 'none'; sandbox");
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}
