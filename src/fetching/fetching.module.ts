import { Global, Module } from '@nestjs/common';
import { ImageFetcher } from './image-fetcher.ts';

/** For every route that takes an image */
@Global()
@Module({ providers: [ImageFetcher], exports: [ImageFetcher] })
export class FetchingModule {}
