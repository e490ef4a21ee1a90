import { Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { TakesImage, UploadedImage } from '../http/takes-image.ts';
import type { Upload } from '../http/upload.ts';
import { Receipts } from './receipts.ts';
import { type CheckedBody, checkedSchema, type CheckOptions, checkOptionsSchema, jwksSchema } from './schemas.ts';

@ApiTags('receipts')
@Controller()
export class ReceiptsController {
  constructor(private readonly receipts: Receipts) {}

  @Post('api/v1/receipts/verify')
  @HttpCode(200)
  @ApiOperation({ operationId: 'verifyReceipt', summary: 'Verify a receipt' })
  @ApiOkResponse({ description: 'The result of the verification', standardSchema: checkedSchema })
  @TakesImage({ options: checkOptionsSchema })
  async verify(@UploadedImage() { image, options }: Upload<CheckOptions>): Promise<CheckedBody> {
    const { signed, image: found, receipt, detail } = await this.receipts.check(options.receipt, image);
    return { valid: signed && found === 'output', signed, image: found, detail, receipt };
  }

  @Get('.well-known/jwks.json')
  @ApiOperation({ operationId: 'receiptKeys', summary: 'Public keys for receipts, as a JSON Web Key Set' })
  @ApiOkResponse({ description: 'RFC 7517', standardSchema: jwksSchema })
  async keys(): Promise<{ keys: object[] }> {
    return { keys: await this.receipts.publicKeys() };
  }
}
