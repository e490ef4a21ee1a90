import { hash } from 'node:crypto';
import { MAX_MESSAGE_LENGTH, STEPS } from './report-form.ts';

/** Sent as it is, so it is written for browsers; test/reports.e2e.test.ts runs it in one. */
const SCRIPT = `
const find = (id) => document.getElementById(id);
const [across, down, spot, picture] = ['x', 'y', 'spot', 'picture'].map(find);
find('place').hidden = false;
function show() {
  for (const slider of [across, down]) slider.name = slider.id;
  spot.style.left = (across.value / across.max) * 100 + '%';
  spot.style.top = (down.value / down.max) * 100 + '%';
  spot.hidden = false;
}
for (const slider of [across, down]) slider.addEventListener('input', show);
picture.addEventListener('click', (event) => {
  const box = picture.getBoundingClientRect();
  across.value = ((event.clientX - box.left) / box.width) * across.max;
  down.value = ((event.clientY - box.top) / box.height) * down.max;
  show();
});
`;

/** In the colors of the console (admin/src/styles/tokens.css) */
const STYLE = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#f5f6f7, #0e1215);
  --line: light-dark(#7f8993, #6d7983);
  --text: light-dark(#15191d, #e9edf0);
  --quiet: light-dark(#525d68, #a2adb7);
  --accent: light-dark(#0b656d, #5cc4c9);
  --on-accent: light-dark(#ffffff, #06272a);
}
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
body {
  margin: 0; background: var(--ground); color: var(--text);
  font: 1rem/1.5 ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', sans-serif;
}
main, form { display: grid; gap: 1rem; }
main { max-width: 48rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
main > *, form > * { min-width: 0; }
h1, p, figure, fieldset { margin: 0; }
h1 { font-size: 1.375rem; line-height: 1.25; }
.quiet { color: var(--quiet); font-size: 0.875rem; }
figure { position: relative; justify-self: center; cursor: crosshair; }
img { display: block; max-width: 100%; max-height: 70vh; width: auto; height: auto; }
#spot {
  position: absolute; width: 2rem; height: 2rem; transform: translate(-50%, -50%); pointer-events: none;
  border: 3px solid #ffffff; border-radius: 50%; outline: 3px solid #15191d;
}
fieldset { display: grid; gap: 0.5rem; padding: 0; border: 0; }
legend { padding: 0 0 0.5rem; }
label, legend { font-weight: 600; }
input, textarea { width: 100%; font: inherit; color: inherit; accent-color: var(--accent); }
input { height: 1.75rem; }
textarea { padding: 0.5rem 0.75rem; border: 1px solid var(--line); border-radius: 0.4375rem; background: transparent; }
button {
  justify-self: start; min-height: 2.75rem; padding: 0 1.25rem; font: inherit; font-weight: 600; cursor: pointer;
  border: 0; border-radius: 0.4375rem; background: var(--accent); color: var(--on-accent);
}
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
`;

const hashOf = (text: string) => `'sha256-${hash('sha256', text, 'base64')}'`;

export const REPORT_PAGE_HEADERS = {
  // Replaces the default policy: only what the page itself contains, and the picture.
  'content-security-policy': [
    "default-src 'none'",
    `script-src ${hashOf(SCRIPT)}`,
    `style-src ${hashOf(STYLE)}`,
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cache-control': 'no-store',
  'x-robots-tag': 'noindex, nofollow',
};

/** @param path of the page */
export function reportPage(path: string, size: { readonly width: number; readonly height: number }): string {
  return page(
    'Report a face',
    `<p>Is a face visible in this photo that should not be? Click or tap on it, or describe it. No account is needed.</p>
<form method="post">
<figure><img id="picture" src="${path}/image" width="${size.width}" height="${size.height}" alt="The published photo"><span id="spot" hidden></span></figure>
<fieldset id="place" hidden>
<legend>Where is the face? (by keyboard)</legend>
<label for="x">From left to right</label>
<input id="x" type="range" min="0" max="${STEPS}" value="${STEPS / 2}">
<label for="y">From top to bottom</label>
<input id="y" type="range" min="0" max="${STEPS}" value="${STEPS / 2}">
</fieldset>
<label for="message">Message (optional if you point at a face)</label>
<textarea id="message" name="message" rows="4" maxlength="${MAX_MESSAGE_LENGTH}" aria-describedby="privacy"></textarea>
<p id="privacy" class="quiet">The operator of this service gets the place and the message. Your address is not stored.</p>
<button>Send the report</button>
</form>
<script>${SCRIPT}</script>`,
  );
}

export function thanksPage(): string {
  return page(
    'Thank you',
    '<p role="status">The report was sent. The operator of this service will look at the photo.</p>',
  );
}

/** @param detail of a problem, without anything that the reader sent */
export function problemPage(title: string, detail: string): string {
  return page(title, `<p role="alert">${detail}.</p>`);
}

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${content}
</main>
</body>
</html>
`;
}
