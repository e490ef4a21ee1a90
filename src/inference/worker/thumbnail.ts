import type { ThumbnailAnswer, ThumbnailTask } from './messages.ts';
import { encodeThumbnail, openImage } from './source-image.ts';
import { Stages } from './stages.ts';

/** @throws DomainError unsupported_image, undecodable_image, too_many_pixels, deadline_exceeded */
export async function makeThumbnail(
  { image, longSide, cancel }: ThumbnailTask,
  maxPixels: number,
  heic: boolean,
): Promise<ThumbnailAnswer> {
  const stages = new Stages(cancel);
  const source = await stages.run('header', () => openImage(image, maxPixels, heic));
  const encoded = await stages.run('encode', () => encodeThumbnail(source, longSide));
  return { bytes: Uint8Array.from(encoded) };
}
