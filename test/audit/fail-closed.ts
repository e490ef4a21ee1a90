import { decode } from '../picture.ts';
import { portrait, render } from '../fixtures/portraits.ts';
import { startServiceProcess } from '../service-process.ts';
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

/** What a service can be sent that breaks its work: files cut short, options that cannot be met. */
export async function checkRefusals(audit: Audit): Promise<Finding[]> {
  const image = await render(portrait({ width: 240, height: 300 }));
  return [
    await tryCases(audit, 8, 'files cut short', audit.cases, async (index) => {
      const cut = image.subarray(0, Math.floor((image.length * (index + 1)) / (audit.cases + 1)));
      return judge(await sendForMask(audit, cut, QUERY), image);
    }),
  ];
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
