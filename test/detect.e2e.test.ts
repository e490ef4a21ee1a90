import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { detectionSchema } from '../src/inference/schemas.ts';
import { crowd, cutByBorder, encode, type Format, portrait, render } from './fixtures/portraits.ts';
import { asBox, overlap } from './support/picture.ts';
import { expectProblem, send, type Sending, type Service, startService, WAYS } from './support/service.ts';

const scene = portrait({ faceHeight: 160, width: 400, height: 480 });
const people = crowd(6, { width: 800, height: 600, seed: 3 });

const FORMATS: readonly Format[] = ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'];
const inFormat = new Map(
  await Promise.all(FORMATS.map(async (format) => [format, await encode(scene, format)] as const)),
);
const image = inFormat.get('jpeg')!;
const group = await encode(people, 'jpeg');

let service: Service;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const detect = (sending: Sending = {}, bytes: Uint8Array = image) => send(service.url, 'detect', bytes, sending);

async function detected(sending: Sending = {}, bytes?: Uint8Array) {
  const response = await detect(sending, bytes);
  expect({ status: response.status, body: response.ok ? '' : await response.text() }).toEqual({
    status: 200,
    body: '',
  });
  return detectionSchema.parse(await response.json());
}

describe('what POST /api/v1/detect answers', () => {
  it('has exactly the fields of its schema, in snake_case', async () => {
    const body = (await (await detect()).json()) as Record<string, unknown>;
    const names: string[] = [];
    JSON.stringify(body, (name, value: unknown) => {
      if (name !== '' && !/^\d+$/.test(name)) names.push(name);
      return value;
    });

    expect(detectionSchema.strict().parse(body)).toEqual(body);
    expect(names.filter((name) => !/^[a-z0-9]+(_[a-z0-9]+)*$/.test(name))).toEqual([]);
    expect(Object.keys(body).sort()).toEqual([
      'face_count',
      'faces',
      'hidden_payloads',
      'id',
      'image',
      'model',
      'notes',
      'search',
      'timings',
    ]);
    expect(Object.keys((body['faces'] as object[])[0]!).sort()).toEqual([
      'box',
      'box_normalized',
      'landmarks',
      'score',
    ]);
  });

  it('finds the drawn face, its box and its landmarks where they were drawn', async () => {
    const { faces, face_count, image: facts } = await detected();
    const [drawn] = scene.faces;
    const [face] = faces;

    expect(face_count).toBe(1);
    expect(faces).toHaveLength(1);
    expect(facts).toEqual({ width: scene.width, height: scene.height, format: 'jpeg', frames: 1 });
    expect(overlap(face!.box, asBox(drawn!.box))).toBeGreaterThan(0.6);
    const [leftEye, rightEye, nose, mouthLeft, mouthRight] = drawn!.landmarks;
    const expected = { left_eye: leftEye, right_eye: rightEye, nose, mouth_left: mouthLeft, mouth_right: mouthRight };
    for (const [name, [x, y]] of Object.entries(expected)) {
      const found = face!.landmarks![name as keyof typeof expected];
      expect(Math.hypot(found.x - x, found.y - y), name).toBeLessThan(0.15 * 160);
    }
  });

  it('gives the normalized box as shares of the image', async () => {
    const { faces } = await detected();
    const { box, box_normalized: shares } = faces[0]!;

    expect(shares.left).toBeCloseTo(box.left / scene.width, 3);
    expect(shares.right).toBeCloseTo(box.right / scene.width, 3);
    expect(shares.top).toBeCloseTo(box.top / scene.height, 3);
    expect(shares.bottom).toBeCloseTo(box.bottom / scene.height, 3);
  });

  it('tells the same in its headers as in its body', async () => {
    const response = await detect();
    const body = detectionSchema.parse(await response.json());
    const timing = response.headers.get('server-timing');

    expect(response.headers.get('x-face-count')).toBe(String(body.face_count));
    expect(response.headers.get('x-model')).toBe(body.model.name);
    expect(response.headers.get('x-request-id')).toBe(body.id);
    expect(timing?.split(', ').map((entry) => entry.split(';')[0])).toEqual(Object.keys(body.timings));
    expect(timing).toMatch(/^\w+;dur=[\d.]+(, \w+;dur=[\d.]+)*$/);
    expect(body.model).toMatchObject({ name: 'embedded', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
  });

  it('echoes the request id that the caller sends', async () => {
    const response = await detect({ headers: { 'x-request-id': 'from-the-caller.42' } });

    expect(response.headers.get('x-request-id')).toBe('from-the-caller.42');
    expect(detectionSchema.parse(await response.json()).id).toBe('from-the-caller.42');
  });

  it('makes up a request id where the one sent could not stand in a log', async () => {
    const response = await detect({ headers: { 'x-request-id': 'two words {"and":"more"}' } });

    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('lists the faces best first', async () => {
    const { faces, face_count } = await detected({ options: { threshold: 0.05 } }, group);
    const scores = faces.map(({ score }) => score);

    expect(face_count).toBeGreaterThan(1);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
  });
});

describe('the ways of sending', () => {
  const options = {
    threshold: 0.3,
    nms_threshold: 0.5,
    max_faces: 3,
    min_face_size: 20,
    input_size: 480,
    landmarks: false,
  };

  it.each(WAYS)('takes the image as %s', async (way) => {
    expect((await detected({ way })).faces).toEqual((await detected()).faces);
  });

  it.each(WAYS)('gives the same result with the options sent as %s as without the detour', async (way) => {
    const reference = await detected({ way: 'raw', options }, group);
    const { faces } = await detected({ way, options }, group);

    expect(reference.faces).toHaveLength(3);
    expect(faces).toEqual(reference.faces);
  });

  it.each(WAYS)('takes query parameters beside an image sent as %s', async (way) => {
    expect((await detected({ way, query: { max_faces: 2 } }, group)).face_count).toBe(2);
  });

  it.each(['multipart', 'json'] as const)('refuses by name what is in the query and in the body (%s)', async (way) => {
    const response = await send(service.url, 'detect', group, {
      way,
      query: { max_faces: 2, threshold: 0.4 },
      options: { max_faces: 1 },
    });

    const { detail } = await expectProblem(response, 400, 'invalid-option');
    expect(detail).toContain('max_faces: given more than once');
    expect(detail).not.toContain('threshold');
  });

  it.each([
    ['a query', 'image/jpeg', '?threshold=0.1&landmarks=true&threshold=0.9', () => Uint8Array.from(group)],
    ['a query, written in another way', 'image/jpeg', '?threshold=0.1&%74hreshold=0.1', () => Uint8Array.from(group)],
    [
      'a form',
      undefined,
      '',
      () => {
        const form = new FormData();
        form.append('threshold', '0.1');
        form.append('file', new Blob([Uint8Array.from(group)]), 'group.jpg');
        form.append('threshold', '0.9');
        return form;
      },
    ],
    ['JSON', 'application/json', '', () => `{"threshold":0.1,"image":"${group.toString('base64')}","threshold":0.9}`],
  ])('refuses by name what stands twice in %s', async (_, type, query, body) => {
    const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
    const response = await fetch(`${service.url}/api/v1/detect${query}`, { method: 'POST', headers, body: body() });

    expect((await expectProblem(response, 400, 'invalid-option')).detail).toMatch(
      /^threshold\b.* (twice|more than once)/,
    );
  });

  it('takes an option once where other fields of its name are empty', async () => {
    const form = new FormData();
    for (const text of ['', '1', '']) form.append('max_faces', text);
    form.append('file', new Blob([Uint8Array.from(group)]), 'group.jpg');
    const response = await fetch(`${service.url}/api/v1/detect?max_faces=`, { method: 'POST', body: form });

    expect(detectionSchema.parse(await response.json()).face_count).toBe(1);
  });

  it('takes fields that come after the file', async () => {
    const form = new FormData();
    form.append('file', new Blob([Uint8Array.from(group)]), 'group.jpg');
    form.append('max_faces', '1');
    const response = await fetch(`${service.url}/api/v1/detect`, { method: 'POST', body: form });

    expect(detectionSchema.parse(await response.json()).face_count).toBe(1);
  });

  it.each([
    ['nothing but a name', ''],
    ['a content type', 'Content-Type: image/jpeg\r\n'],
    ['the type of a text', 'Content-Type: text/plain\r\n'],
  ])('takes a part "file" without a file name, with %s', async (_, lines) => {
    const part = (name: string, more: string) =>
      `--xx\r\nContent-Disposition: form-data; name="${name}"\r\n${more}\r\n`;
    const body = Buffer.concat([
      Buffer.from(part('file', lines)),
      group,
      Buffer.from(`\r\n${part('max_faces', '')}1\r\n--xx--\r\n`),
    ]);
    const response = await fetch(`${service.url}/api/v1/detect`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=xx' },
      body,
    });

    expect(detectionSchema.parse(await response.json()).face_count).toBe(1);
  });

  it('takes a form field left empty as not given', async () => {
    expect((await detected({ way: 'multipart', options: { threshold: '', max_faces: '' } })).face_count).toBe(1);
  });

  it.each([
    ['as a data URL', JSON.stringify({ image: `data:image/jpeg;base64,${image.toString('base64')}` })],
    ['as base64url', JSON.stringify({ image: image.toString('base64url') })],
    ['in lines', JSON.stringify({ image: image.toString('base64').replaceAll(/.{76}/g, '$&\r\n') })],
    ['as a shell puts it in', `{"image": "${image.toString('base64').replaceAll(/.{76}/g, '$&\n')}"}`],
  ])('takes base64 %s', async (_, body) => {
    const response = await fetch(`${service.url}/api/v1/detect`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });

    expect(detectionSchema.parse(await response.json()).face_count).toBe(1);
  });
});

describe('the types of image', () => {
  it.each(FORMATS)('finds the face in %s', async (format) => {
    const { faces, image: facts } = await detected({}, inFormat.get(format));

    expect(facts).toEqual({ width: scene.width, height: scene.height, format, frames: 1 });
    expect(overlap(faces[0]!.box, asBox(scene.faces[0]!.box))).toBeGreaterThan(0.6);
  });

  it.each(WAYS)('reads the type from the bytes, whatever the header and the name say (%s)', async (way) => {
    const { image: facts } = await detected({ way, type: 'image/gif', fileName: 'a.pdf' }, inFormat.get('png'));

    expect(facts.format).toBe('png');
  });

  it.each(['application/octet-stream', 'image/x-unheard-of', 'image/svg+xml'])(
    'takes a JPEG that is declared as %s',
    async (type) => {
      expect((await detected({ type })).image.format).toBe('jpeg');
    },
  );
});

describe('the options', () => {
  const bounds: [name: string, taken: number[], refused: unknown[]][] = [
    ['threshold', [0.01, 1], [0, 0.009, 1.01, -1, 'high', '1e-1', 'NaN']],
    ['nms_threshold', [0, 1], [-0.01, 1.01, 'low']],
    ['max_faces', [1, 10_000], [0, 10_001, 1.5, -1, 'all']],
    ['min_face_size', [0, 10_000], [-1, 10_001, 2.5, 'small']],
    ['input_size', [32, 640], [0, 16, 33, 4128, 640.5, 'large']],
  ];
  const taken = bounds.flatMap(([name, values]) => values.map((value) => [name, value] as const));
  const refused = bounds.flatMap(([name, , values]) => values.map((value) => [name, value] as const));

  it.each(taken)('%s may be %s', async (name, value) => {
    await detected({ options: { [name]: value } });
  });

  it.each(refused)('%s may not be %s', async (name, value) => {
    for (const way of WAYS) {
      const { detail } = await expectProblem(await detect({ way, options: { [name]: value } }), 400, 'invalid-option');
      expect(detail).toContain(name);
    }
  });

  it.each(['yes', '1', 'TRUE'])('landmarks may not be %s', async (value) => {
    for (const way of WAYS) {
      const { detail } = await expectProblem(
        await detect({ way, options: { landmarks: value } }),
        400,
        'invalid-option',
      );
      expect(detail).toContain('landmarks');
    }
  });

  it.each(WAYS)('one that there is none of is refused by name (%s)', async (way) => {
    const response = await detect({ way, options: { treshold: 0.5 } });

    expect((await expectProblem(response, 400, 'invalid-option')).detail).toContain('treshold');
  });

  it('those of masking are refused', async () => {
    const response = await detect({ options: { method: 'blur' } });

    expect((await expectProblem(response, 400, 'invalid-option')).detail).toContain('method');
  });

  it('one that is given twice is refused by name', async () => {
    const response = await fetch(`${service.url}/api/v1/detect?max_faces=1&max_faces=2`, {
      method: 'POST',
      headers: { 'content-type': 'image/jpeg' },
      body: Uint8Array.from(image),
    });

    expect((await expectProblem(response, 400, 'invalid-option')).detail).toContain('max_faces');
  });

  it('all that are wrong are named at once', async () => {
    const response = await detect({ options: { threshold: 7, max_faces: 0 } });

    expect((await expectProblem(response, 400, 'invalid-option')).detail).toMatch(/threshold.*max_faces/);
  });

  it('landmarks=false leaves the landmarks out', async () => {
    expect((await detected({ options: { landmarks: false } })).faces[0]).not.toHaveProperty('landmarks');
    expect((await detected({ options: { landmarks: true } })).faces[0]).toHaveProperty('landmarks');
  });

  it('max_faces keeps the best ones', async () => {
    const { faces } = await detected({}, group);

    expect((await detected({ options: { max_faces: 2 } }, group)).faces).toEqual(faces.slice(0, 2));
  });

  it('order=size gives the largest ones first, and max_faces keeps them', async () => {
    const { faces } = await detected({}, group);
    const area = ({ box }: (typeof faces)[number]) => (box.right - box.left) * (box.bottom - box.top);
    const largest = faces.toSorted((a, b) => area(b) - area(a));

    expect((await detected({ options: { order: 'size' } }, group)).faces).toEqual(largest);
    expect((await detected({ options: { order: 'size', max_faces: 2 } }, group)).faces).toEqual(largest.slice(0, 2));
  });

  it('order may not be anything else', async () => {
    const response = await detect({ options: { order: 'left' } });

    expect((await expectProblem(response, 400, 'invalid-option')).detail).toContain('order');
  });

  it('face_quality=true tells how well each face can be seen, and changes nothing else', async () => {
    const plain = await detected({}, group);
    const { faces } = await detected({ options: { face_quality: true } }, group);

    expect(faces.map((face) => ({ ...face, quality: undefined }))).toEqual(plain.faces);
    for (const { quality } of faces) {
      expect(Math.abs(quality!.pose!.roll)).toBeLessThan(15);
      expect(quality!.sharpness).toBeGreaterThan(0);
      expect(quality!.brightness).toBeGreaterThan(0.1);
      expect(quality!.cut_by_border).toEqual([]);
    }
    expect(plain.faces[0]).not.toHaveProperty('quality');
  });

  it('face_quality=true tells which border cuts a face', async () => {
    const { faces } = await detected(
      { options: { face_quality: true } },
      await render(cutByBorder('left', { seed: 3 })),
    );

    expect(faces.map(({ quality }) => quality!.cut_by_border)).toEqual([['left']]);
  });

  it('min_face_size leaves out the faces that are smaller', async () => {
    const { faces } = await detected();
    const { left, top, right, bottom } = faces[0]!.box;
    const shortSide = Math.min(right - left, bottom - top);

    expect((await detected({ options: { min_face_size: Math.floor(shortSide) } })).face_count).toBe(1);
    expect((await detected({ options: { min_face_size: Math.ceil(shortSide) + 1 } })).face_count).toBe(0);
  });

  it('threshold leaves out the faces that are less sure', async () => {
    const { score } = (await detected()).faces[0]!;

    expect((await detected({ options: { threshold: Math.max(0.01, score - 0.01) } })).face_count).toBe(1);
    expect((await detected({ options: { threshold: Math.min(1, score + 0.01) } })).face_count).toBe(0);
  });

  it('nms_threshold of 1 keeps the boxes that overlap', async () => {
    expect((await detected({ options: { nms_threshold: 1 } })).face_count).toBeGreaterThan(1);
  });

  it('latency_budget_ms of 1 leaves one look, and says which were skipped and what may be missed', async () => {
    const options = { recall: 'high', latency_budget_ms: 1 };
    const response = await detect({ options }, group);
    const { search, faces } = detectionSchema.parse(await response.json());
    expect(search).toEqual({
      smallest_face_px: 10,
      looks: [{ detector: 'main', size: 640, turn: 0, runs: 1 }],
      skipped_looks: [
        ...[0, 90, 180, 270].map((turn) => ({ detector: 'main', size: 256, turn, runs: 1 })),
        { detector: 'main', size: 1280, turn: 0, runs: 2 },
      ],
    });
    expect(faces).toHaveLength(people.faces.length);
    expect(response.headers.get('x-smallest-face-px')).toBe('10');
    expect(response.headers.get('x-skipped-looks')).toBe('6');
  });

  it('latency_budget_ms that is long enough changes nothing', async () => {
    const within = await detected({ options: { recall: 'high', latency_budget_ms: 600_000 } }, group);
    const without = await detected({ options: { recall: 'high' } }, group);
    expect(within.search).toEqual(without.search);
    expect(within.search!.skipped_looks).toEqual([]);
    expect(within.faces).toHaveLength(without.faces.length);
  });

  it('input_size below what shows the faces finds none', async () => {
    expect((await detected({ options: { input_size: 32, recall: 'fast' } }, group)).face_count).toBe(0);
  });
});

describe('the configured defaults', () => {
  it('hold where the request names none, and give way where it does', async () => {
    const strict = await startService({ FACE_API_DEFAULT_THRESHOLD: '1', FACE_API_DEFAULT_INPUT_SIZE: '320' });
    try {
      const plain = await send(strict.url, 'detect', image);
      const asked = await send(strict.url, 'detect', image, { options: { threshold: 0.3 } });

      expect(detectionSchema.parse(await plain.json()).face_count).toBe(0);
      expect(detectionSchema.parse(await asked.json()).face_count).toBe(1);
    } finally {
      await strict.close();
    }
  });
});
