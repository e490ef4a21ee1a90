/** In single quotes, as every POSIX shell takes it literally. */
const quote = (text: string) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

interface CurlLine {
  /** Where the public API is, without a slash at its end. */
  readonly origin: string;
  readonly endpoint: 'detect' | 'mask';
  readonly fileName: string;
  readonly outputName?: string;
  /** Those that differ from the defaults. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly needsKey: boolean;
}

/** The line that asks the public API for what the playground shows. */
export function curlLine({ origin, endpoint, fileName, outputName, options, needsKey }: CurlLine): string {
  // curl reads ; and , in the name of an upload as its own syntax unless the name stands in double quotes.
  const file = /[;,"]/.test(fileName) ? `"${fileName.replaceAll(/["\\]/g, String.raw`\$&`)}"` : fileName;
  const parts = [
    'curl',
    ...(needsKey ? [`-H 'X-API-Key: YOUR_KEY'`] : []),
    `-F ${quote(`file=@${file}`)}`,
    ...Object.entries(options).map(([name, value]) => `-F ${quote(`${name}=${String(value)}`)}`),
    ...(outputName === undefined ? [] : [`-o ${quote(outputName)}`]),
    quote(`${origin}/api/v1/${endpoint}`),
  ];
  return parts.join(' ');
}
