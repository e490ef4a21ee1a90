import { formatBytes } from './format.ts';

/** Why a file is not sent at all; undefined if it is. */
export function refusalOf(name: string, { type, size }: File, maxBytes: number | undefined): string | undefined {
  // Browsers do not know the type of each format.
  if (!type.startsWith('image/') && type !== '') return `${name} is not an image.`;
  if (maxBytes !== undefined && size > maxBytes) {
    return `${name} has ${formatBytes(size)}; the limit is ${formatBytes(maxBytes)}. Choose a smaller file.`;
  }
  return undefined;
}
