/** In single quotes, which every POSIX shell takes literally. */
const quote = (text: string) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

interface CurlLine {
  /** URL of the public API, without a trailing slash. */
  readonly origin: string;
  readonly endpoint: 'detect' | 'mask';
  readonly fileName: string;
  readonly outputName?: string;
  /** Those that differ from the defaults. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly needsKey: boolean;
}

/** The curl command for the request that the playground shows. */
export function curlLine({ origin, endpoint, fileName, outputName, options, needsKey }: CurlLine): string {
  // curl treats ; and , in a file name as syntax unless the name is in double quotes.
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
