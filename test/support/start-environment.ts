import { readFileSync } from 'node:fs';

/** The variables that `npm start` sets for the allocator: written in package.json alone. */
export function startEnvironment(): Record<string, string> {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { scripts } = JSON.parse(text) as { scripts: { start: string } };
  return Object.fromEntries(
    [...scripts.start.matchAll(/(?<=\s)([A-Z_]+)=(\S+)/g)].map(([, name, value]) => [name!, value!]),
  );
}
