import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Photographs, models and data sets that must not be part of the repository. They are in the folder of
 * `FACE_API_TEST_SHARED`, by default `shared/` next to the repository. Tests that need a missing part are skipped.
 */
const FOLDER = process.env['FACE_API_TEST_SHARED'] ?? fileURLToPath(new URL('../../../shared', import.meta.url));

export const SHARED_PARTS = [
  'data/wider-val',
  'images/codec',
  'images/exif',
  'images/hostile',
  'images/odd',
  'images/pairs',
  'models',
  'photos',
] as const;
export type SharedPart = (typeof SHARED_PARTS)[number];

/** The path of a part, or of a file in it; neither needs to exist. */
export function shared(part: SharedPart, file = ''): string {
  return join(FOLDER, part, file);
}

export function hasShared(...parts: readonly SharedPart[]): boolean {
  return parts.every((part) => existsSync(shared(part)));
}

/** One line that names the missing parts; null if none is missing. */
export function describeMissing(): string | null {
  const missing = SHARED_PARTS.filter((part) => !hasShared(part));
  if (missing.length === 0) return null;
  return `Tests that need files from ${FOLDER} (FACE_API_TEST_SHARED) were skipped. Missing: ${missing.join(', ')}`;
}
