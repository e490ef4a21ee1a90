import type { Configuration } from '../../config/configuration.ts';
import { type Setting, settings } from '../../config/settings.ts';
import type { SystemBody } from './schemas.ts';

/** The current value of every setting, without secrets. */
export function reportSettings(configuration: Configuration): SystemBody['configuration'] {
  return Object.entries(settings).flatMap(([slice, members]) =>
    Object.entries(members as Record<string, Setting<unknown>>).map(([key, setting]) =>
      reportSetting(setting, (configuration as unknown as Record<string, Record<string, unknown>>)[slice]![key]),
    ),
  );
}

function reportSetting(
  { name, description, default: fallback, schema, secret }: Setting<unknown>,
  value: unknown,
): SystemBody['configuration'][number] {
  const text = toText(value);
  const changed = JSON.stringify(value) !== JSON.stringify(schema.parse(fallback));
  const shown = secret ? (isGiven(value) ? 'hidden' : 'not set') : withoutSecrets(text);
  return { name, value: shown, default: fallback, description, changed, secret };
}

function isGiven(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== '';
}

function toText(value: unknown): string {
  if (Array.isArray(value)) return value.map(toText).join(',');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** URLs may contain a password before the host and a token after the path. */
export function withoutSecrets(text: string): string {
  return text
    .replaceAll(/([a-z][a-z0-9+.-]*:\/\/)[^/?#\s]*@/gi, '$1hidden@')
    .replaceAll(/([a-z][a-z0-9+.-]*:\/\/[^?#\s]*)[?#]\S*/gi, '$1?hidden');
}
