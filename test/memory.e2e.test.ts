import { afterAll, beforeAll, expect, it } from 'vitest';
import { crowd, encode } from './fixtures/portraits.ts';
import { expectProblem, send, type ServiceProcess, startServiceProcess, until } from './support/service.ts';

const ROUNDS_TO_WARM_UP = 3;
const ROUNDS = 6;
/** A leak of what one round brings in (ten images of 9 MB in pixels, several times over) would exceed it soon. */
const MAY_GROW_BY_BYTES = 120_000_000;

const image = await encode(crowd(12, { width: 2000, height: 1500, seed: 5 }), 'jpeg', { quality: 90 });

let service: ServiceProcess;

beforeAll(async () => {
  service = await startServiceProcess();
});
afterAll(() => service.stop());

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${service.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

/** Fifty uploads at once, half of them to be masked. */
async function round(): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  await Promise.all(
    Array.from({ length: 50 }, async (_, at) => {
      const response = await send(service.url, at % 2 === 0 ? 'mask' : 'detect', image);
      counts[response.status] = (counts[response.status] ?? 0) + 1;
      if (response.status === 200) await response.arrayBuffer();
      else await expectProblem(response, 503, 'busy');
    }),
  );
  return counts;
}

it('memory returns to where it was after rounds of fifty uploads against ten slots', async () => {
  for (let i = 0; i < ROUNDS_TO_WARM_UP; i++) await round();
  const before = await metric('process_resident_memory_bytes');
  const rounds = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push(await round());
  const settled = await until(async () => {
    const now = await metric('process_resident_memory_bytes');
    return now < before + MAY_GROW_BY_BYTES ? now : undefined;
  });

  for (const counts of rounds) {
    expect(Object.keys(counts)).toEqual(expect.arrayContaining(['200']));
    expect(counts[200]).toBeGreaterThanOrEqual(10);
    expect(counts[200]! + (counts[503] ?? 0)).toBe(50);
  }
  expect(settled).toBeLessThan(before + MAY_GROW_BY_BYTES);
  expect(await metric('face_api_requests_in_flight')).toBe(0);
  console.info(`memory: ${(before / 1e6).toFixed(0)} MB before, ${(settled / 1e6).toFixed(0)} MB after`, rounds);
});
