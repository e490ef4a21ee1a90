import type { DetectSettings, MaskSettings } from '../../src/inference/worker/messages.ts';
import { DEFAULT_DETECT, DEFAULT_MASK } from '../fixtures/default-settings.ts';
import type { Figure } from './figures.ts';
import { Floor, type FloorTask } from './floor.ts';
import type { Input } from './inputs.ts';
import { type Load, sendInTurn, sendLoad, type Sending } from './load.ts';
import { MeasuredService } from './service.ts';

/** The service under load over HTTP, in turn with the bare loop and with another service. */

export type Method = 'detect' | 'blur' | 'pixelate' | 'solid';

export interface Case {
  readonly input: Input;
  readonly method: Method;
}

export interface LoadSettings {
  readonly rounds: number;
  /** Of each case in each round. */
  readonly durationMs: number;
  readonly clients: readonly number[];
  readonly model: { readonly name: string; readonly path: string };
  /** Address of another service that takes the same requests. */
  readonly peer: string | undefined;
}

export async function measureStartUp({ rounds, model }: LoadSettings): Promise<Figure> {
  const samples: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const service = await MeasuredService.start(model.path);
    samples.push(service.startMs / 1000);
    await service.stop();
  }
  return { name: 'from node to ready', unit: 's', samples };
}

/** Samples by the figure's name, in the order in which the figures first came. */
class Collected {
  readonly #figures = new Map<string, { unit: Figure['unit']; samples: number[] }>();

  add(name: string, unit: Figure['unit'], sample: number): void {
    if (Number.isNaN(sample)) return;
    const figure = this.#figures.get(name) ?? { unit, samples: [] };
    figure.samples.push(sample);
    this.#figures.set(name, figure);
  }

  addLoad(name: string, load: Load): void {
    this.add(name, '1/s', load.answersPerSecond);
    this.add(`${name}, p50`, 'ms', load.p50);
    this.add(`${name}, p95`, 'ms', load.p95);
    this.add(`${name}, p99`, 'ms', load.p99);
    this.add(`${name}, refused`, '1/s', load.refusedPerSecond);
    this.add(`${name}, refused, p99`, 'ms', load.refusedP99);
  }

  get all(): Figure[] {
    return [...this.#figures].map(([name, figure]) => ({ name, ...figure }));
  }
}

export async function measureLoads(
  cases: readonly Case[],
  sections: ReadonlySet<string>,
  settings: LoadSettings,
): Promise<Figure[]> {
  const collected = new Collected();
  const floor = sections.has('floor') ? await Floor.start(settings.model.path) : undefined;
  const service = sections.has('service') ? await MeasuredService.start(settings.model.path) : undefined;
  // The first round lets both sides compile what they run; it is not counted.
  for (let round = 0; round <= settings.rounds; round++) {
    const kept = round === 0 ? new Collected() : collected;
    for (const one of cases) {
      if (floor) kept.add(`${nameOf(one)}, floor`, '1/s', await floor.run(toFloorTask(one), settings.durationMs));
      if (service) await measureService(one, service, settings, kept);
    }
  }
  if (service) {
    collected.add('RSS after the load', 'MB', await service.residentMegabytes());
    collected.add('RSS, peak', 'MB', await service.peakMegabytes());
  }
  await floor?.stop();
  await service?.stop();
  return collected.all;
}

async function measureService(
  one: Case,
  service: MeasuredService,
  { clients, durationMs, peer }: LoadSettings,
  kept: Collected,
): Promise<void> {
  for (const count of clients) {
    const name = `${nameOf(one)}, ${count} ${count === 1 ? 'client' : 'clients'}`;
    const cpuBefore = await service.cpuMs();
    const load = await sendLoad(toSending(service.url, one), count, durationMs);
    const cpuMs = (await service.cpuMs()) - cpuBefore;
    kept.addLoad(name, load);
    kept.add(`${name}, CPU an answer`, 'ms', cpuMs / load.answers);
    if (count === 1) kept.add(`${name}, beside the work`, 'ms', load.beside);
    if (peer === undefined) continue;
    const other = await sendLoad(toSending(peer, one), count, durationMs);
    kept.addLoad(`${name}, peer`, other);
    kept.add(`${name}, times the peer`, '×', load.answersPerSecond / other.answersPerSecond);
  }
}

const READINGS = 10;
const CLIENTS_OF_MEMORY = 8;

/** RSS on the way through requests of all cases in turn. */
export async function measureMemory(
  cases: readonly Case[],
  requests: number,
  settings: LoadSettings,
): Promise<Figure[]> {
  const collected = new Collected();
  const service = await MeasuredService.start(settings.model.path);
  const sendings = cases.map((one) => toSending(service.url, one));
  collected.add('RSS at the start', 'MB', await service.residentMegabytes());
  for (let reading = 1; reading <= READINGS; reading++) {
    await sendInTurn(sendings, CLIENTS_OF_MEMORY, requests / READINGS);
    collected.add(`RSS after ${(reading * requests) / READINGS} requests`, 'MB', await service.residentMegabytes());
  }
  collected.add('RSS, peak', 'MB', await service.peakMegabytes());
  await service.stop();
  return collected.all;
}

function nameOf({ input, method }: Case): string {
  return `${method} ${input.name}`;
}

const FAST_DETECT: DetectSettings = { ...DEFAULT_DETECT, recall: 'fast' };

/** At the recall that the floor and other services have; those that do not know the option ignore it. */
function toSending(url: string, { input, method }: Case): Sending {
  const fields = { recall: 'fast' };
  if (method === 'detect') return { url: `${url}/api/v1/detect`, image: input.bytes, fields };
  return { url: `${url}/api/v1/mask`, image: input.bytes, fields: { ...fields, method } };
}

function toFloorTask({ input: { bytes }, method }: Case): FloorTask {
  if (method === 'detect') return { kind: 'detect', task: { image: bytes, detect: FAST_DETECT } };
  const mask: MaskSettings = { ...DEFAULT_MASK, style: { ...DEFAULT_MASK.style, method } };
  return { kind: 'mask', task: { image: bytes, detect: FAST_DETECT, mask } };
}
