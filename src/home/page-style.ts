/** In the colors of the console (admin/src/styles/tokens.css). */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#f5f6f7, #0e1215);
  --surface: light-dark(#ffffff, #151a1e);
  --line: light-dark(#e0e4e8, #2a3238);
  --line-strong: light-dark(#7f8993, #6d7983);
  --text: light-dark(#15191d, #e9edf0);
  --text-quiet: light-dark(#525d68, #a2adb7);
  --accent: light-dark(#0b656d, #5cc4c9);
  --on-accent: light-dark(#ffffff, #06272a);
  --accent-soft: light-dark(#e1f0f1, #12343a);
  --danger: light-dark(#ac241c, #ff9389);
}
*, *::before, *::after { box-sizing: border-box; }
body {
  margin: 0;
  background: var(--ground);
  color: var(--text);
  font: 0.875rem/1.5 ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', sans-serif;
}
main { max-width: 44rem; margin: 0 auto; padding: 2rem 1rem 3rem; display: grid; gap: 1.5rem; }
main > * { min-width: 0; }
header { display: flex; align-items: center; gap: 0.75rem; }
h1, h2, p, ul, figure { margin: 0; }
h1 { font-size: 1.375rem; line-height: 1.25; }
h2 { font-size: 1rem; }
svg rect, svg ellipse { fill: var(--accent); }
svg path { stroke: var(--on-accent); }
svg ellipse { fill: var(--on-accent); }
a { color: var(--accent); text-underline-offset: 0.2em; }
.quiet { color: var(--text-quiet); }
.small { font-size: 0.8125rem; }
section {
  display: grid; gap: 1rem; padding: 1.25rem;
  border: 1px solid var(--line); border-radius: 0.75rem; background: var(--surface);
}
form { display: grid; gap: 0.5rem; }
label { font-weight: 600; }
input[type='password'] {
  width: 100%; height: 2.25rem; padding: 0 0.75rem; font: inherit; color: inherit;
  border: 1px solid var(--line-strong); border-radius: 0.4375rem; background: var(--surface);
}
.drop {
  display: grid; justify-items: center; gap: 0.25rem; padding: 2rem 1rem; margin-top: 0.25rem; font-weight: 400;
  border: 1px dashed var(--line-strong); border-radius: 0.4375rem; cursor: pointer; text-align: center;
}
.drop strong { color: var(--accent); font-size: 1rem; }
.drop:hover, .drop.over { background: var(--accent-soft); }
form:has(#file:focus-visible) .drop, input:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.visually-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.status:empty { display: none; }
.status.failed { color: var(--danger); }
img { display: block; max-width: 100%; max-height: 70vh; margin: 0 auto; border-radius: 0.4375rem; }
figcaption { margin-top: 0.75rem; }
ul { padding: 0; list-style: none; display: grid; gap: 0.75rem; }
li { display: grid; }
`;
