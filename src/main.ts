import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

/**
 * Keeps the compiled code of each module, beside the build, for the next start. Imports come after it, or they would not be
 * read from the cache. Worker threads take the folder from the environment. Where it cannot be written, nothing is cached.
 */
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('.compile-cache', import.meta.url));
enableCompileCache(process.env['NODE_COMPILE_CACHE']);
await import('./start.ts');
