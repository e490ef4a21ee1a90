import { decode } from '../support/picture.ts';
import { portrait, render } from '../fixtures/portraits.ts';
import { startServiceProcess } from '../support/service-process.ts';
import { type Audit, type Finding, sendForMask, tryCases, type Verdict } from './check.ts';

/** Whatever breaks, no answer holds an unmasked pixel inside a mask (promise 8). */

const REGION = { left: 60, top: 60, right: 150, bottom: 200 };
const QUERY = { method: 'solid', color: '#ff00ff', regions: [REGION], format: 'png', verify: true, receipt: true };
const MAGENTA = [255, 0, 255];

/** Masks with a service of its own, whose threads die in every stage in turn. Needs the built service. */
export async function checkDyingWorkers(
  audit: Audit,
): Promise<{ findings: Finding[]; stages: ReadonlySet<string>; failed: number }> {
  const preload = new URL('../fixtures/die-in-stage.ts', import.meta.url).href;
  const service = await startServiceProcess({
    NODE_OPTIONS: `--import ${preload}`,
    FACE_API_RECEIPT_KEY_FOLDER: audit.folder,
  });
  try {
    const image = await render(portrait({ width: 240, height: 300 }));
    let failed = 0;
    const finding = await tryCases(
      { ...audit, url: service.url },
      8,
      'threads die in every stage',
      audit.cases,
      async () => {
        const response = await sendForMask({ ...audit, url: service.url }, image, QUERY);
        if (!response.ok) failed++;
        return judge(response, image);
      },
    );
    const died = service.output().matchAll(/died \w+ (\w+)/g);
    return { findings: [finding], stages: new Set(Array.from(died, ([, stage]) => stage!)), failed };
  } finally {
    await service.stop();
  }
}

/** What a service can be sent that breaks its work: files cut short, options of which one would have to be dropped. */
export async function checkRefusals(audit: Audit): Promise<Finding[]> {
  const image = await render(portrait({ width: 240, height: 300 }));
  return [
    await tryCases(audit, 8, 'files cut short', audit.cases, async (index) => {
      const cut = image.subarray(0, Math.floor((image.length * (index + 1)) / (audit.cases + 1)));
      return judge(await sendForMask(audit, cut, QUERY), image);
    }),
    await tryCases(audit, 8, 'regions that are given twice', audit.cases, async (index) =>
      judge(await sendTwice(audit, image, index), image),
    ),
  ];
}

const ELSEWHERE = { left: 0, top: 0, right: 10, bottom: 10 };

/** The region to be masked first and another one after it, in every way in which both can be sent. */
function sendTwice(audit: Audit, image: Buffer, index: number): Promise<Response> {
  const [first, second] = [REGION, ELSEWHERE].map((region) => JSON.stringify([region]));
  const options = { method: 'solid', color: '#ff00ff', format: 'png', detect: 'false' };
  const query = new URLSearchParams(options);
  const send = (body: RequestInit['body'] & {}, type?: string) =>
    fetch(`${audit.url}/api/v1/mask?${query.toString()}`, {
      method: 'POST',
      headers: { ...audit.headers, ...(type !== undefined && { 'content-type': type }) },
      body,
    });
  const form = (...regions: (string | undefined)[]) => {
    const made = new FormData();
    for (const text of regions) made.append('regions', text!);
    made.append('file', new Blob([Uint8Array.from(image)]), 'a.jpg');
    return made;
  };
  const base64 = image.toString('base64');
  switch (index % 5) {
    case 0:
      return send(form(first, second));
    case 1:
      query.append('regions', first!);
      return send(form(second));
    case 2:
      query.append('regions', first!);
      query.append('regions', second!);
      return send(Uint8Array.from(image), 'image/jpeg');
    case 3:
      return send(`{"image":"${base64}","regions":${first},"regions":${second}}`, 'application/json');
    default:
      query.append('regions', first!);
      return send(`{"image":"${base64}","regions":${second}}`, 'application/json');
  }
}

async function judge(response: Response, image: Buffer): Promise<Verdict> {
  const bytes = Buffer.from(await response.arrayBuffer());
  const type = response.headers.get('content-type') ?? '';
  if (!response.ok) {
    const isProblem = type.startsWith('application/problem+json') && !bytes.includes(image.subarray(0, 16));
    return isProblem ? null : { reason: `${response.status} with ${type}`, files: { answer: bytes } };
  }
  const { data, width } = await decode(bytes);
  for (let y = REGION.top; y < REGION.bottom; y++) {
    for (let x = REGION.left; x < REGION.right; x++) {
      if (MAGENTA.some((value, c) => data[(y * width + x) * 3 + c] !== value)) {
        return { reason: `the pixel ${x}, ${y} is not masked`, files: { answer: bytes } };
      }
    }
  }
  return null;
}
