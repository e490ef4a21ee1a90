import { readFileSync } from 'node:fs';
import adapter from '@sveltejs/adapter-static';
import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vite';

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as { version: string };

export default defineConfig({
  plugins: [
    sveltekit({
      adapter: adapter({ pages: 'build', fallback: 'index.html' }),
      paths: { base: '/admin', relative: false },
      // The build is the same wherever and whenever it is made.
      version: { name: version },
    }),
  ],
  build: { cssTarget: ['chrome123', 'firefox120', 'safari17.5'] },
});
