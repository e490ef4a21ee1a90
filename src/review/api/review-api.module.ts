import { Module } from '@nestjs/common';
import { ReviewModule } from '../review.module.ts';
import { ImagesController } from './images.controller.ts';

/** The public routes. */
@Module({ imports: [ReviewModule], controllers: [ImagesController] })
export class ReviewApiModule {}
