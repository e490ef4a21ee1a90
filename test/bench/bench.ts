import { parseArgs } from 'node:util';
import { resolveModel } from '../../src/models/model-files.ts';
import { type Figure, printRun, readRun, toRun, writeRun } from './figures.ts';
import { drawnInputs, fileInput } from './inputs.ts';
import { type Case, type LoadSettings, measureLoads, measureMemory, measureStartUp, type Method } from './loads.ts';
import { measureParts } from './parts.ts';

/** `npm run bench`: how long everything takes, in one run, each thing once a round so that all see the same machine. */

const HELP = `npm run bench -- [options]
  --only LIST     of parts, floor, service, startup, memory; default: all but memory
  --file FILE     an image of your own beside the drawn ones; as often as you like
  --inputs TEXT   only the inputs whose name contains it
  --methods LIST  of detect, blur, pixelate, solid; default: detect,blur
  --clients LIST  default: 1,2,8,32
  --rounds N      every case once a round; default: 5
  --seconds N     of load for each case of a round; default: 2
  --requests N    of the section memory; default: 10000
  --model NAME    or path; default: embedded
  --peer URL      another service with /api/v1/detect and /api/v1/mask, asked in turn with ours
  --json FILE     where the figures go
  --compare FILE  figures of an earlier run, shown beside
`;

const { values: given } = parseArgs({
  options: {
    only: { type: 'string', default: 'parts,floor,service,startup' },
    file: { type: 'string', multiple: true, default: [] },
    inputs: { type: 'string', default: '' },
    methods: { type: 'string', default: 'detect,blur' },
    clients: { type: 'string', default: '1,2,8,32' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    requests: { type: 'string', default: '10000' },
    model: { type: 'string', default: 'embedded' },
    peer: { type: 'string' },
    json: { type: 'string' },
    compare: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (given.help) {
  process.stdout.write(HELP);
  process.exit();
}

const settings: LoadSettings = {
  rounds: Number(given.rounds),
  durationMs: Number(given.seconds) * 1000,
  clients: given.clients.split(',').map(Number),
  model: await resolveModel(given.model),
  peer: given.peer,
};
const sections = new Set(given.only.split(','));
const earlier = given.compare === undefined ? undefined : await readRun(given.compare);
const files = await Promise.all(given.file.map(fileInput));
const photos = [...(await drawnInputs()), ...files].filter(({ name }) => name.includes(given.inputs));
if (photos.length === 0) throw new Error(`no input's name contains "${given.inputs}"`);
const methods = given.methods.split(',') as Method[];
const cases = photos.flatMap((input) => methods.map((method): Case => ({ input, method })));

const figures: Figure[] = [];
if (sections.has('startup')) figures.push(await measureStartUp(settings));
if (sections.has('parts')) figures.push(...(await measureParts(files, settings.model.path, settings.rounds)));
if (sections.has('floor') || sections.has('service')) figures.push(...(await measureLoads(cases, sections, settings)));
if (sections.has('memory')) figures.push(...(await measureMemory(cases, Number(given.requests), settings)));

const run = toRun(figures, settings.model.name);
printRun(run, earlier);
if (given.json !== undefined) await writeRun(given.json, run);
