import { readFile } from 'node:fs/promises';
import { foreignParts } from '../../src/vision/container/foreign-parts.ts';
import { portrait, render } from '../fixtures/portraits.ts';
import { CANARY, stuffed } from '../fixtures/stuffed.ts';
import { type Audit, type Finding, sendForMask, tryCases, type Verdict } from './check.ts';

/** Answers are built from pixels alone: whatever the image carries, none of it comes along (promise 3). */

const OUTPUTS = ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'] as const;
const INPUTS = ['jpeg', 'png', 'webp', 'gif'] as const;

/** @param files further images to send, as they are */
export async function checkMetadata(audit: Audit, files: readonly string[] = []): Promise<Finding[]> {
  const findings = [];
  for (const input of INPUTS) {
    const image = await stuffed(await render(portrait({ seed: 3, width: 160, height: 200 })), input);
    findings.push(
      await tryCases(audit, 3, `${input} with payloads, every output format`, OUTPUTS.length, (index) =>
        tryImage(audit, image, { format: OUTPUTS[index]! }),
      ),
    );
  }
  if (files.length > 0) {
    findings.push(
      await tryCases(audit, 3, 'collected images', files.length, async (index) =>
        tryImage(audit, await readFile(files[index]!), {}),
      ),
    );
  }
  return findings;
}

async function tryImage(audit: Audit, image: Buffer, query: { format?: string }): Promise<Verdict> {
  const response = await sendForMask(audit, image, query);
  const bytes = Buffer.from(await response.arrayBuffer());
  // A file that is refused has no answer that could hold anything.
  if (response.status >= 400 && response.status < 500) return null;
  const foreign = response.ok ? foreignParts(bytes) : [`answer ${response.status}`];
  if (bytes.includes(CANARY)) foreign.push('the canary');
  if (foreign.length === 0) return null;
  return { reason: `the answer holds ${foreign.join(', ')}`, files: { source: image, answer: bytes } };
}
