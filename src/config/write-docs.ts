import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { type Setting, settings } from './settings.ts';

const slices = Object.entries(settings) as [string, Record<string, Setting<unknown>>][];

/** Every setting with its default, ready to be copied to .env and changed. */
export function envExample(): string {
  const sections = slices.map(([slice, members]) => {
    const lines = Object.values(members).map(
      ({ name, description, default: value, secret }) =>
        `# ${description}${secret ? ` (or the path of a file that holds it: ${name}_FILE)` : ''}\n#${name}=${value}`,
    );
    return [`## ${slice}`, ...lines].join('\n');
  });
  return `# All settings and their defaults; those that start with # are not set.\n\n${sections.join('\n\n')}\n`;
}

/** The same as a page of the documentation. */
export function configurationPage(): string {
  const escape = (text: string) => text.replaceAll('|', '\\|');
  const sections = slices.map(([slice, members]) => {
    const rows = Object.values(members).map(
      ({ name, description, default: value, secret }) =>
        `| \`${name}\`${secret ? ' 🔒' : ''} | ${value === '' ? '' : `\`${value}\``} | ${escape(description)} |`,
    );
    return `## ${slice}\n\n| variable | default | what it is for |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return `# Configuration

Written from \`src/config/settings.ts\` by \`npm run docs\`. Set these as environment variables; \`npm start\` also reads
a file \`.env\` beside package.json (copy \`.env.example\`). A wrong value, or a variable that does not exist, ends the start with a line
that names it, what it got and what it takes. 🔒: a secret, never shown; it can also be given as a file's path in the variable
of the same name with \`_FILE\` at the end.

${sections.join('\n')}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await writeFile('.env.example', envExample());
  await writeFile('docs/configuration.md', configurationPage());
}
