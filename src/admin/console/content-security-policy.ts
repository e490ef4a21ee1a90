import { createHash } from 'node:crypto';

const INLINE_SCRIPT = /<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g;

/**
 * The policy of a page of the console (CSP Level 3): only its own files run, and the inline scripts that were
 * built into it, by their hashes. Images may also come from the object store.
 * @param objectsOrigin origin of the signed URLs of stored images; null: this service
 */
export function contentSecurityPolicy(html: string, objectsOrigin: string | null): string {
  const hashes = [...html.matchAll(INLINE_SCRIPT)].map(
    ([, script]) => `'sha256-${createHash('sha256').update(script!).digest('base64')}'`,
  );
  const objects = objectsOrigin === null ? [] : [objectsOrigin];
  const directives: Record<string, readonly string[]> = {
    'default-src': ["'none'"],
    'script-src': ["'self'", ...hashes],
    'style-src': ["'self'"],
    'img-src': ["'self'", 'blob:', 'data:', ...objects],
    'font-src': ["'self'"],
    'connect-src': ["'self'", ...objects],
    'manifest-src': ["'self'"],
    'base-uri': ["'none'"],
    'form-action': ["'self'"],
    'frame-ancestors': ["'none'"],
  };
  return Object.entries(directives)
    .map(([name, sources]) => `${name} ${sources.join(' ')}`)
    .join('; ');
}
