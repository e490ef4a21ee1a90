import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { checkReceipt, type PublicKey } from './receipt.ts';

const help = `Usage: npm run receipt -- verify FILE [options]

Checks a receipt (X-Mask-Receipt) against the masked image in FILE.

  --receipt TEXT-or-FILE   the receipt (default: the file FILE.receipt)
  --keys URL-or-FILE       public keys (default: http://localhost:8000/.well-known/jwks.json)

Exit code: 0 the image is the one that the receipt was given for, 1 it is not, 2 the command was wrong.
`;

/** Runs the command and returns its exit code. */
export async function runCli(args: string[], write: (text: string) => void): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        receipt: { type: 'string' },
        keys: { type: 'string', default: 'http://localhost:8000/.well-known/jwks.json' },
      },
    });
    const [command, file] = positionals;
    if (command !== 'verify' || file === undefined || positionals.length > 2) {
      write(help);
      return 2;
    }
    const { keys } = JSON.parse(await readSource(values.keys)) as { keys: PublicKey[] };
    const given = values.receipt ?? `${file}.receipt`;
    const text = /^[\w-]+\.[\w-]+\.[\w-]+$/.test(given) ? given : (await readFile(given, 'utf8')).trim();
    const { signed, image, receipt, detail } = await checkReceipt(text, await readFile(file), keys);
    write(`${detail}\n`);
    if (receipt) write(`${JSON.stringify(receipt, null, 2)}\n`);
    return signed && image === 'output' ? 0 : 1;
  } catch (error) {
    write(`${(error as Error).message}\n`);
    return 2;
  }
}

async function readSource(source: string): Promise<string> {
  if (!/^https?:\/\//.test(source)) return readFile(source, 'utf8');
  const response = await fetch(source);
  if (!response.ok) throw new Error(`${source} answers ${response.status}`);
  return response.text();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = await runCli(process.argv.slice(2), (text) => process.stdout.write(text));
}
