import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { checkReceipt, type PublicKey } from '../receipts/receipt.ts';
import type { CliContext } from './context.ts';

interface VerifyOptions {
  readonly receipt?: string;
  readonly keys: string;
}

export function addReceipt(program: Command, { stdout }: CliContext): void {
  program
    .command('receipt')
    .description('verify receipts of masked images (X-Mask-Receipt)')
    .command('verify')
    .description('verify that a receipt belongs to a masked image')
    .argument('<file>', 'the masked image')
    .option('--receipt <text-or-file>', 'the receipt or a file with it (default: <file>.receipt)')
    .option('--keys <url-or-file>', 'public keys of the service', 'http://localhost:8000/.well-known/jwks.json')
    .action(async (file: string, options: VerifyOptions) => {
      const { keys } = JSON.parse(await readSource(options.keys)) as { keys: PublicKey[] };
      const given = options.receipt ?? `${file}.receipt`;
      const text = /^[\w-]+\.[\w-]+\.[\w-]+$/.test(given) ? given : (await readFile(given, 'utf8')).trim();
      const { signed, image, receipt, detail } = await checkReceipt(text, await readFile(file), keys);
      if (receipt) stdout.write(`${JSON.stringify(receipt, null, 2)}\n`);
      if (!signed || image !== 'output') throw new Error(detail);
      stdout.write(`${detail}\n`);
    });
}

async function readSource(source: string): Promise<string> {
  if (!/^https?:\/\//.test(source)) return readFile(source, 'utf8');
  const response = await fetch(source);
  if (!response.ok) throw new Error(`${source} responds with status ${response.status}`);
  return response.text();
}
