import { readFileSync } from 'node:fs';
import adapter from '@sveltejs/adapter-static';
import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig, type Plugin } from 'vite';

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as { version: string };

/**
 * SvelteKit announces a new page in an element that is hidden by a style attribute, which the console's
 * Content-Security-Policy forbids: the same by a class of base.css.
 */
const announcerWithoutStyle: Plugin = {
  name: 'announcer-without-style',
  enforce: 'pre',
  transform(code, id) {
    if (!id.endsWith('/kit/src/runtime/components/root.svelte')) return undefined;
    const announcer = /(id="svelte-announcer"[^>]*?)style="[^"]*"/;
    if (!announcer.test(code)) throw new Error('SvelteKit’s announcer is no longer where it was: see vite.config.ts');
    return code.replace(announcer, '$1class="visually-hidden"');
  },
};

export default defineConfig({
  plugins: [
    announcerWithoutStyle,
    sveltekit({
      adapter: adapter({ pages: 'build', fallback: 'index.html', precompress: true }),
      paths: { base: '/admin', relative: false },
      // The build is the same wherever and whenever it is made.
      version: { name: version },
    }),
  ],
  build: { cssTarget: ['chrome123', 'firefox120', 'safari17.5'] },
});
