import { hash } from 'node:crypto';
import { SCRIPT } from './page-script.ts';
import { STYLE } from './page-style.ts';
import type { HomeBody } from './schemas.ts';

/** One file without references to others, so that it needs no route besides its own. */
export function homePage(paths: HomeBody, maxUploadBytes: number, isStored: boolean): { html: string; policy: string } {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Face API</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<main>
<header>${MARK}<div><h1>Face API</h1><p class="quiet">Version ${paths.version}</p></div></header>
<p>${paths.mask === null ? 'This instance serves only the console of Face API, a service that detects and masks faces in images.' : 'This service detects and masks faces in images. Images are processed on this server.'}${isStored ? ' It stores images, results and a record of each job.' : ''}</p>
${paths.mask === null ? '' : uploadForm(paths.mask, paths.api_key_required, maxUploadBytes)}
<nav aria-label="More">
<ul>${links(paths)}</ul>
</nav>
</main>
${paths.mask === null ? '' : `<script>${SCRIPT}</script>`}
</body>
</html>
`;
  return { html, policy: POLICY };
}

function uploadForm(mask: string, needsKey: boolean, maxUploadBytes: number): string {
  const limit = maxUploadBytes >= 1e6 ? `${Math.floor(maxUploadBytes / 1e5) / 10} MB` : `${maxUploadBytes} bytes`;
  const key = `<label for="key">API key</label>
<input id="key" type="password" autocomplete="off" aria-describedby="key-hint" required>
<p id="key-hint" class="quiet small">This service requires an API key. It is sent with the photo and not stored in the browser.</p>`;
  return `<section aria-labelledby="try">
<h2 id="try">Mask the faces in a photo</h2>
<form action="${mask}" data-limit="${maxUploadBytes}">
${needsKey ? key : ''}
<label class="drop" for="file"><strong>Choose a photo</strong><span> or drop one here</span><span class="quiet small">Up to ${limit}</span></label>
<input id="file" class="visually-hidden" type="file" accept="image/*">
</form>
<p id="status" class="status" role="status"></p>
<figure id="result" hidden>
<img id="picture" alt="">
<figcaption><span id="caption"></span> <a id="download">Download</a></figcaption>
</figure>
</section>`;
}

function links({ documentation, openapi, console: consolePath }: HomeBody): string {
  const all: [path: string | null, name: string, text: string][] = [
    [documentation, 'API documentation', 'all operations and options, to try out'],
    [openapi, 'OpenAPI document', 'to generate clients'],
    [consolePath, 'Console', 'statistics, stored images and jobs; for operators'],
  ];
  return all
    .filter(([path]) => path !== null)
    .map(([path, name, text]) => `<li><a href="${path}">${name}</a><span class="quiet">${text}</span></li>`)
    .join('');
}

const hashOf = (text: string) => `'sha256-${hash('sha256', text, 'base64')}'`;

/** Only what the page itself contains, requests to this service, and the picture that it got. */
const POLICY = [
  "default-src 'none'",
  `script-src ${hashOf(SCRIPT)}`,
  `style-src ${hashOf(STYLE)}`,
  'img-src blob: data:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The mark of the console */
const MARK = `<svg viewBox="0 0 32 32" width="40" height="40" aria-hidden="true"><rect width="32" height="32" rx="8"/><path d="M7 12V9a2 2 0 0 1 2-2h3M20 7h3a2 2 0 0 1 2 2v3M25 20v3a2 2 0 0 1-2 2h-3M12 25H9a2 2 0 0 1-2-2v-3" fill="none" stroke-width="2" stroke-linecap="round"/><ellipse cx="16" cy="16" rx="4.6" ry="5.8"/></svg>`;
