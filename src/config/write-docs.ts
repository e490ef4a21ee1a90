import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { type Setting, settings } from './settings.ts';

const slices = Object.entries(settings) as [string, Record<string, Setting<unknown>>][];

/** Every setting with its default, to copy to .env and edit. */
export function envExample(): string {
  const sections = slices.map(([slice, members]) => {
    const lines = Object.values(members).map(
      ({ name, description, default: value, secret }) =>
        `# ${description}${secret ? ` (or in a file: ${name}_FILE)` : ''}\n#${name}=${value}`,
    );
    return [`## ${slice}`, ...lines].join('\n');
  });
  return `# All settings with their defaults. Remove the # to change one.\n\n${sections.join('\n\n')}\n`;
}

/** The same as a page of the documentation. */
export function configurationPage(): string {
  const escape = (text: string) => text.replaceAll('|', '\\|');
  const sections = slices.map(([slice, members]) => {
    const rows = Object.values(members).map(
      ({ name, description, default: value, secret }) =>
        `| \`${name}\`${secret ? ' 🔒' : ''} | ${value === '' ? '' : `\`${value}\``} | ${escape(description)} |`,
    );
    return `## ${slice}\n\n| variable | default | description |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return `# Configuration

Generated from \`src/config/settings.ts\` by \`npm run docs\`. Set these as environment variables; \`npm start\` also reads
a file \`.env\` next to package.json (copy \`.env.example\`). An invalid value or an unknown variable stops the start with a message
that names the variable, its value and the valid values. 🔒: a secret. It is never shown, and can also be read from a file: set the variable
with the suffix \`_FILE\` to the path of that file.

${sections.join('\n')}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await writeFile('.env.example', envExample());
  await writeFile('docs/configuration.md', configurationPage());
}
