import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { DomainError } from '../../errors/domain-error.ts';
import { ApiProblems } from '../../http/api-problems.ts';
import { ADMIN_API_PATH } from '../../http/route.ts';
import { type Upload } from '../../http/upload.ts';
import { TakesImage, UploadedImage } from '../../http/upload.interceptor.ts';
import { type DetectionBody, detectionSchema } from '../../inference/schemas.ts';
import type { MaskedBody } from '../../masking/schemas.ts';
import { type IdParams, idParamsSchema } from '../kept/schemas.ts';
import {
  type PlaygroundDetectOptions,
  playgroundDetectOptionsSchema,
  type PlaygroundMaskOptions,
  playgroundMaskOptionsSchema,
  type Rerun,
  type RerunAnswer,
  rerunAnswerSchema,
  rerunSchema,
} from './schemas.ts';

@ApiTags('admin')
@Controller(ADMIN_API_PATH)
export class PlaygroundController {
  @Post('playground/detect')
  @HttpCode(200)
  @ApiOperation({ operationId: 'adminPlaygroundDetect', summary: 'Find the faces in an image, to try it out' })
  @ApiOkResponse({ description: 'Where the faces are, best first', standardSchema: detectionSchema })
  @ApiProblems('foreign_origin')
  @TakesImage(playgroundDetectOptionsSchema)
  detect(@UploadedImage() { image }: Upload<PlaygroundDetectOptions>): DetectionBody {
    throw new DomainError('not_ready', `Nothing is done yet with ${image.length} bytes`);
  }

  @Post('playground/mask')
  @HttpCode(200)
  @ApiOperation({ operationId: 'adminPlaygroundMask', summary: 'Mask the faces in an image, to try it out' })
  @ApiProblems('foreign_origin')
  @TakesImage(playgroundMaskOptionsSchema)
  mask(@UploadedImage() { image }: Upload<PlaygroundMaskOptions>): MaskedBody | Buffer {
    throw new DomainError('not_ready', `Nothing is done yet with ${image.length} bytes`);
  }

  @Post('images/:id/jobs')
  @HttpCode(201)
  @ApiOperation({ operationId: 'adminRerun', summary: 'Find or mask the faces of a stored image anew' })
  @ApiCreatedResponse({ description: 'The new job', standardSchema: rerunAnswerSchema })
  @ApiProblems(
    'invalid_request',
    'unauthorized',
    'foreign_origin',
    'not_found',
    'storage_off',
    'undecodable_image',
    'too_many_pixels',
    'unsupported_image',
    'internal',
    'busy',
    'storage_unavailable',
    'deadline_exceeded',
  )
  rerun(
    @Param({ schema: idParamsSchema }) { id }: IdParams,
    @Body({ schema: rerunSchema }) { kind }: Rerun,
  ): RerunAnswer {
    throw new DomainError('not_ready', `Nothing is done yet to ${kind} ${id}`);
  }
}
