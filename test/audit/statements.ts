import { portrait, render } from '../fixtures/portraits.ts';
import { type Audit, type Finding, sendForMask, tryCases, type Verdict } from './check.ts';

/** What receipts state is so (promise 7). */

export async function checkStatements(audit: Audit): Promise<Finding[]> {
  return [
    await tryCases(audit, 7, 'receipts hold for their image alone', audit.cases, (index) => tryReceipt(audit, index)),
  ];
}

async function tryReceipt(audit: Audit, index: number): Promise<Verdict> {
  const image = await render(portrait({ seed: (index % 60) + 1, width: 120, height: 150 }));
  const response = await sendForMask(audit, image, { receipt: true, detect: false });
  const answer = Buffer.from(await response.arrayBuffer());
  const receipt = response.headers.get('x-mask-receipt') ?? '';
  const changed = Buffer.from(answer);
  changed[(index * 7919) % changed.length]! ^= 1 + (index % 255);
  const held = await verify(audit, answer, receipt);
  const heldChanged = await verify(audit, changed, receipt);
  const files = { source: image, answer, receipt: Buffer.from(receipt) };
  if (!held) return { reason: 'the receipt does not hold', files };
  return heldChanged ? { reason: 'the receipt holds for a changed image', files } : null;
}

async function verify(audit: Audit, image: Buffer, receipt: string): Promise<boolean> {
  const form = new FormData();
  form.append('receipt', receipt);
  form.append('file', new Blob([Uint8Array.from(image)]));
  const response = await fetch(`${audit.url}/api/v1/receipts/verify`, {
    method: 'POST',
    headers: audit.headers,
    body: form,
  });
  return ((await response.json()) as { valid?: boolean }).valid === true;
}
