import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { detectionSchema } from '../src/inference/schemas.ts';
import { maskedSchema } from '../src/masking/schemas.ts';
import { encode, type Format, portrait } from './fixtures/portraits.ts';
import {
  asBox,
  type Box,
  contrast,
  decode,
  differenceInside,
  differenceOutside,
  grow,
  overlap,
} from './support/picture.ts';
import { expectProblem, send, type Sending, type Service, startService, WAYS } from './support/service.ts';

const scene = portrait({ faceHeight: 150, width: 400, height: 480 });
const drawn = asBox(scene.faces[0]!.box);
/** Far from the face and from any mask on it. */
const CORNER: Box = { left: 10, top: 400, right: 70, bottom: 460 };

const FORMATS: readonly Format[] = ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'];
const inFormat = new Map(
  await Promise.all(FORMATS.map(async (format) => [format, await encode(scene, format)] as const)),
);
const image = inFormat.get('png')!;
const before = await decode(image);

const WHITE = 0xffffff;
const BLACK = 0x000000;

let service: Service;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const mask = (sending: Sending = {}, bytes: Uint8Array = image) => send(service.url, 'mask', bytes, sending);

async function bytesOf(response: Response): Promise<Buffer> {
  const bytes = Buffer.from(await response.arrayBuffer());
  expect({ status: response.status, body: response.ok ? '' : bytes.toString() }).toEqual({ status: 200, body: '' });
  return bytes;
}

async function masked(sending: Sending = {}, bytes?: Uint8Array) {
  return decode(await bytesOf(await mask(sending, bytes)));
}

describe('what POST /api/v1/mask answers', () => {
  it('is the image, with what was found in the headers', async () => {
    const response = await mask();
    await bytesOf(response);
    const { headers } = response;

    expect(headers.get('content-type')).toBe('image/png');
    expect(headers.get('x-face-count')).toBe('1');
    expect(headers.get('x-masked-count')).toBe('1');
    expect(headers.get('x-model')).toBe('embedded');
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers.get('server-timing')).toMatch(/inference;dur=[\d.]+.*encode;dur=[\d.]+.*total;dur=[\d.]+$/);
    expect(headers.get('vary')?.toLowerCase()).toContain('accept');
  });

  it('echoes the request id that the caller sends', async () => {
    const response = await mask({ headers: { 'x-request-id': 'masking-0001' } });
    await bytesOf(response);

    expect(response.headers.get('x-request-id')).toBe('masking-0001');
  });

  it('is JSON with exactly the fields of its schema where the caller accepts that', async () => {
    const response = await mask({ headers: { accept: 'application/json' } });
    const body: unknown = await response.json();
    const { output, faces, face_count, masked_count, id } = maskedSchema.strict().parse(body);
    const after = await decode(Buffer.from(output.image, 'base64'));

    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(response.headers.get('x-face-count')).toBe('1');
    expect({ face_count, masked_count, id }).toEqual({
      face_count: 1,
      masked_count: 1,
      id: response.headers.get('x-request-id'),
    });
    expect(output).toMatchObject({ format: 'png', bytes: Buffer.from(output.image, 'base64').length });
    expect(overlap(faces[0]!.box, drawn)).toBeGreaterThan(0.6);
    expect(differenceInside(before, after, drawn)).toBeGreaterThan(8);
  });

  it.each([
    ['*/*', 'image/png'],
    ['image/avif,image/webp,*/*;q=0.8', 'image/png'],
    ['image/*, application/json', 'image/png'],
    ['application/json, image/*;q=0.1', 'application/json; charset=utf-8'],
    ['application/json, text/plain, */*', 'application/json; charset=utf-8'],
    ['application/json;q=0, */*', 'image/png'],
    ['application/json;q=0.5, */*', 'image/png'],
    ['image/*;q=0, */*', 'application/json; charset=utf-8'],
    ['image/*;q=0.2, application/json;q=0.9', 'application/json; charset=utf-8'],
    ['text/html', 'image/png'],
  ])('with Accept: %s is %s', async (accept, type) => {
    const response = await mask({ headers: { accept } });
    await bytesOf(response);

    expect(response.headers.get('content-type')).toBe(type);
  });

  it('reports the same faces as detection', async () => {
    const options = { face_quality: true };
    const detection = detectionSchema.parse(await (await send(service.url, 'detect', image, { options })).json());
    const response = await mask({ options, headers: { accept: 'application/json' } });
    const { faces } = maskedSchema.parse(await response.json());

    expect(faces).toHaveLength(1);
    expect(overlap(faces[0]!.box, detection.faces[0]!.box)).toBeGreaterThan(0.8);
  });

  it('carries nothing of the metadata that came in', async () => {
    const secret = 'Canary Lane 7';
    const tagged = await sharp(inFormat.get('jpeg'))
      .withExif({ IFD0: { Copyright: secret, ImageDescription: secret } })
      .withXmp(`<x:xmpmeta xmlns:x="adobe:ns:meta/"><r>${secret}</r></x:xmpmeta>`)
      .toBuffer();
    expect(tagged.includes(secret)).toBe(true);

    for (const format of ['jpeg', 'png', 'webp', 'avif']) {
      const bytes = await bytesOf(await mask({ options: { format } }, tagged));
      const { exif, xmp, iptc } = await sharp(bytes).metadata();

      expect(bytes.includes(secret)).toBe(false);
      expect({ exif, xmp, iptc }).toEqual({ exif: undefined, xmp: undefined, iptc: undefined });
    }
  });
});

describe('the formats of the answer', () => {
  it.each([
    ['jpeg', 'jpeg'],
    ['png', 'png'],
    ['webp', 'webp'],
    ['avif', 'avif'],
    ['gif', 'gif'],
    ['tiff', 'tiff'],
  ] as const)('for %s it is %s unless asked otherwise', async (from, to) => {
    const response = await mask({}, inFormat.get(from));
    const { format, width, height } = await sharp(await bytesOf(response)).metadata();

    expect(response.headers.get('content-type')).toBe(`image/${to}`);
    expect({ format, width, height }).toEqual({
      format: to === 'avif' ? 'heif' : to,
      width: scene.width,
      height: scene.height,
    });
  });

  it.each(['jpeg', 'png', 'webp', 'avif'] as const)('as %s it hides the face and keeps the rest', async (format) => {
    const response = await mask({ options: { format } });
    const after = await decode(await bytesOf(response));

    expect(response.headers.get('content-type')).toBe(`image/${format}`);
    expect(differenceInside(before, after, drawn)).toBeGreaterThan(8);
    expect(differenceOutside(before, after, [grow(drawn, 0.8)])).toBeLessThan(3);
  });

  it.each(['jpeg', 'webp', 'avif'])('quality makes %s smaller or larger', async (format) => {
    const small = await bytesOf(await mask({ options: { format, quality: 5 } }));
    const large = await bytesOf(await mask({ options: { format, quality: 100 } }));

    expect(small.length).toBeLessThan(large.length / 2);
  });
});

describe('the methods', () => {
  it.each(['blur', 'pixelate', 'solid'])('%s hides the drawn face and leaves far pixels alone', async (method) => {
    const after = await masked({ options: { method } });

    // Eyes, brows and mouth make the contrast of a face; none of it may be left.
    expect(differenceInside(before, after, grow(drawn, -0.15))).toBeGreaterThan(8);
    expect(contrast(after, grow(drawn, -0.15))).toBeLessThan(contrast(before, grow(drawn, -0.15)) / 2);
    expect(differenceInside(before, after, CORNER)).toBe(0);
    expect(differenceOutside(before, after, [grow(drawn, 0.8)])).toBe(0);
  });

  it.each(['blur', 'pixelate', 'solid'])('after %s no face is found any more', async (method) => {
    const bytes = await bytesOf(await mask({ options: { method } }));
    const { faces } = detectionSchema.parse(await (await send(service.url, 'detect', bytes)).json());

    expect(faces.filter(({ box }) => overlap(box, drawn) > 0.2)).toEqual([]);
  });

  it.each(['blur', 'pixelate', 'solid'])('%s takes nothing from the pixels that it hides', async (method) => {
    // The same picture with another face inside the mask must give the same answer.
    const options = { detect: false, method, regions: [{ left: 120, top: 120, right: 280, bottom: 340 }] };
    const inside = { left: 130, top: 130 };
    const stamp = await sharp({ create: { width: 140, height: 200, channels: 3, background: '#12e0a4' } })
      .png()
      .toBuffer();
    const other = await sharp(image)
      .composite([{ input: stamp, ...inside }])
      .png()
      .toBuffer();

    const after = await masked({ options });
    expect(differenceOutside(after, await masked({ options }, other), [])).toBe(0);
  });

  it.each(['#ff8000', 'ff8000', '%23FF8000'])('solid paints the color %s', async (color) => {
    const text = decodeURIComponent(color);
    const after = await masked({ options: { method: 'solid', color: text } });
    const at =
      (Math.round((drawn.top + drawn.bottom) / 2) * after.width + Math.round((drawn.left + drawn.right) / 2)) * 3;

    expect([...after.data.subarray(at, at + 3)]).toEqual([255, 128, 0]);
  });

  it('a box covers the corners that an ellipse leaves, more padding covers more', async () => {
    const changed = async (options: Record<string, unknown>) => {
      const after = await masked({ options: { method: 'solid', color: '#ff00ff', ...options } });
      let pixels = 0;
      for (let at = 0; at < after.data.length; at += 3) {
        if (after.data[at] === 255 && after.data[at + 1] === 0 && after.data[at + 2] === 255) pixels++;
      }
      return pixels;
    };
    const ellipse = await changed({ shape: 'ellipse', padding: 0.1 });
    const box = await changed({ shape: 'box', padding: 0.1 });
    const wide = await changed({ shape: 'ellipse', padding: 0.4 });

    expect(ellipse / box).toBeGreaterThan(0.7);
    expect(ellipse / box).toBeLessThan(0.85); // π/4 = 0.785
    expect(wide / ellipse).toBeCloseTo((1.8 / 1.2) ** 2, 0);
  });

  it('a margin moves each side of the mask outward by a share of the smallest face that can be found', async () => {
    const widthOf = async (margin: number) => {
      const response = await mask({ options: { method: 'solid', color: '#ff00ff', shape: 'box', padding: 0, margin } });
      const after = await decode(await bytesOf(response));
      const row = Math.round((drawn.top + drawn.bottom) / 2) * after.width;
      const isMasked = (x: number) => after.data.readUIntBE((row + x) * 3, 3) === 0xff00ff;
      const width = Array.from({ length: after.width }, (_, x) => x).filter(isMasked).length;
      return { width, smallest: Number(response.headers.get('x-smallest-face-px')) };
    };
    const without = await widthOf(0);
    const { width, smallest } = await widthOf(2);

    expect(smallest).toBeGreaterThan(4);
    expect(width - without.width).toBeGreaterThanOrEqual(4 * smallest - 2);
    expect(width - without.width).toBeLessThanOrEqual(4 * smallest + 2);
  });

  it.each(['blur', 'pixelate', 'solid', 'gaussian', 'mosaic'])('%s has with a mark an outline', async (method) => {
    const region = { ...CORNER, right: 400 };
    const allow_reversible = method === 'gaussian' || method === 'mosaic';
    const options = { method, allow_reversible, color: '#ff00ff', shape: 'box', regions: [region] };
    const [plain, marked] = [await masked({ options }), await masked({ options: { ...options, mark: true } })];
    const at = (x: number, y: number) => marked.data.readUIntBE((y * marked.width + x) * 3, 3);
    const { left, top, right, bottom } = region;

    for (const y of [top, bottom - 1])
      expect([at(left, y), at(200, y), at(right - 1, y)]).toEqual([WHITE, WHITE, WHITE]);
    for (const x of [left, right - 1]) expect(at(x, top + 30)).toBe(WHITE);
    for (const x of [left + 1, right - 2]) expect(at(x, top + 30)).toBe(BLACK);
    expect(differenceOutside(plain, marked, [region, grow(drawn, 0.8)])).toBe(0);
    // On the way from the middle of the face to the left.
    const middle = Math.round((drawn.top + drawn.bottom) / 2);
    const row = Array.from({ length: Math.round(drawn.left) }, (_, x) => at(x, middle));
    expect(row.findIndex((color, x) => color === WHITE && row[x + 1] === BLACK)).toBeGreaterThan(0);
  });

  it('a mark is not drawn around a face that stays visible', async () => {
    const options = { mark: true, regions: [{ ...grow(drawn, 0.5), keep: true }] };
    expect(differenceOutside(before, await masked({ options }), [])).toBe(0);
  });

  it('a stronger mosaic has fewer colors', async () => {
    const colors = async (strength: number) => {
      const { data, width } = await masked({ options: { method: 'pixelate', strength } });
      const seen = new Set<string>();
      for (let y = Math.ceil(drawn.top); y < drawn.bottom; y++) {
        for (let x = Math.ceil(drawn.left); x < drawn.right; x++) {
          const at = (y * width + x) * 3;
          seen.add(data.subarray(at, at + 3).toString('hex'));
        }
      }
      return seen.size;
    };

    expect(await colors(1)).toBeLessThan(await colors(0));
  });
});

describe('the regions of the caller', () => {
  const solid = { method: 'solid', color: '#ff00ff' };
  const centerOf = (box: Box) => ({
    left: (box.left + box.right) / 2 - 2,
    top: (box.top + box.bottom) / 2 - 2,
    right: (box.left + box.right) / 2 + 2,
    bottom: (box.top + box.bottom) / 2 + 2,
  });

  it.each(WAYS)('are masked in addition to the faces (%s)', async (way) => {
    const response = await mask({ way, options: { ...solid, regions: [CORNER] } });
    const after = await decode(await bytesOf(response));

    expect(response.headers.get('x-face-count')).toBe('1');
    expect(response.headers.get('x-masked-count')).toBe('2');
    expect(contrast(after, CORNER)).toBe(0);
    expect(differenceInside(before, after, CORNER)).toBeGreaterThan(20);
    expect(contrast(after, centerOf(drawn))).toBe(0);
  });

  it.each(WAYS)('keep a face visible whose center lies in them (%s)', async (way) => {
    const response = await mask({ way, options: { ...solid, regions: [{ ...centerOf(drawn), keep: true }] } });
    const after = await decode(await bytesOf(response));

    expect(response.headers.get('x-face-count')).toBe('1');
    expect(response.headers.get('x-masked-count')).toBe('0');
    expect(differenceOutside(before, after, [])).toBe(0);
  });

  it('do not keep a face whose center lies elsewhere', async () => {
    const after = await masked({ options: { ...solid, regions: [{ ...CORNER, keep: true }] } });

    expect(differenceInside(before, after, centerOf(drawn))).toBeGreaterThan(20);
    expect(differenceInside(before, after, CORNER)).toBe(0);
  });

  it('are all that is masked with detect=false', async () => {
    const response = await mask({ options: { ...solid, detect: false, regions: [CORNER] } });
    const after = await decode(await bytesOf(response));

    expect(response.headers.get('x-face-count')).toBe('0');
    expect(response.headers.get('x-masked-count')).toBe('1');
    expect(differenceInside(before, after, CORNER)).toBeGreaterThan(20);
    expect(differenceOutside(before, after, [CORNER])).toBe(0);
  });

  it('reach over the border and are cut there', async () => {
    const over = { left: -50, top: 430, right: 40, bottom: 900 };
    const after = await masked({ options: { ...solid, detect: false, regions: [over] } });

    expect(contrast(after, { left: 0, top: 430, right: 40, bottom: 480 })).toBe(0);
    expect(differenceOutside(before, after, [over])).toBe(0);
  });

  it.each([
    ['a region that is empty', [{ left: 10, top: 10, right: 10, bottom: 20 }], 'regions'],
    ['one that is inside out', [{ left: 30, top: 10, right: 10, bottom: 20 }], 'regions'],
    ['one outside the image', [{ left: 5000, top: 10, right: 6000, bottom: 20 }], 'regions[0]'],
    ['one with a member too many', [{ left: 1, top: 1, right: 10, bottom: 20, kept: true }], 'kept'],
    ['one with a member missing', [{ left: 1, top: 1, right: 10 }], 'regions'],
    ['a text for a number', [{ left: '1', top: 1, right: 10, bottom: 20 }], 'regions'],
    ['no list', 7, 'regions'],
    ['too many', Array.from({ length: 1001 }, () => ({ left: 1, top: 1, right: 2, bottom: 2 })), 'regions'],
  ])('are refused by name: %s', async (_, regions, name) => {
    for (const way of ['multipart', 'json'] as const) {
      const { detail } = await expectProblem(await mask({ way, options: { regions } }), 400, 'invalid-option');
      expect(detail).toContain(name);
    }
  });

  it('are refused by name where they are not JSON', async () => {
    const response = await mask({ way: 'multipart', options: { regions: '[{left: 1}' } });

    expect((await expectProblem(response, 400, 'invalid-option')).detail).toContain('regions');
  });
});

describe('the options', () => {
  const bounds: [name: string, taken: unknown[], refused: unknown[]][] = [
    ['method', ['blur', 'pixelate', 'solid'], ['BLUR', 'emoji', 'gaussian', 'mosaic']],
    ['allow_reversible', [true, false], ['perhaps']],
    ['verify', [true, false], ['perhaps']],
    ['color', ['#000000', 'ffffff', '#AbCdEf'], ['red', '#fff', '#1234567', '#00000g']],
    ['shape', ['ellipse', 'box'], ['circle']],
    ['padding', [0, 2], [-0.01, 2.01, 'wide']],
    ['margin', [0, 2], [-0.01, 2.01, 'wide']],
    ['strength', [0, 1], [-0.01, 1.01, 'strong']],
    ['mark', [true, false], ['perhaps']],
    ['metadata', ['none', 'time,place', '["credit"]'], ['gps', 'none,time', 'all']],
    ['format', ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'], ['jpg', 'image/png', 'bmp']],
    ['quality', [1, 100], [0, 101, 50.5, 'best']],
    ['detect', [true, false], ['no', 0]],
    ['threshold', [0.01, 1], [0, 1.01]],
    ['nms_threshold', [0, 1], [-0.01, 1.01]],
    ['face_quality', [true, false], ['perhaps']],
    ['min_face_size', [0, 10_000], [-1, 10_001]],
    ['input_size', [32, 640], [0, 33, 4128]],
  ];
  const taken = bounds.flatMap(([name, values]) => values.map((value) => [name, value] as const));
  const refused = bounds.flatMap(([name, , values]) => values.map((value) => [name, value] as const));

  it.each(taken)('%s may be %s', async (name, value) => {
    await bytesOf(await mask({ options: { [name]: value } }));
  });

  it.each(refused)('%s may not be %s', async (name, value) => {
    for (const way of WAYS) {
      const { detail } = await expectProblem(await mask({ way, options: { [name]: value } }), 400, 'invalid-option');
      expect(detail).toContain(name);
    }
  });

  it.each(WAYS)('one that there is none of is refused by name (%s)', async (way) => {
    const response = await mask({ way, options: { colour: '#000000' } });

    expect((await expectProblem(response, 400, 'invalid-option')).detail).toContain('colour');
  });

  it.each(['max_faces', 'order'])('%s is refused: no face is left out', async (name) => {
    const response = await mask({ options: { [name]: name === 'order' ? 'size' : 1 } });

    expect((await expectProblem(response, 400, 'invalid-option')).detail).toContain(name);
  });

  it.each([
    ['one list', (regions: object[]) => [JSON.stringify(regions)]],
    ['one field for each', (regions: object[]) => regions.map((region) => JSON.stringify(region))],
    ['several lists', (regions: object[]) => regions.map((region) => JSON.stringify([region]))],
  ])('take all regions of a form, sent as %s: none stays visible', async (_, toFields) => {
    const regions = [0, 60].map((left) => ({ left, top: 0, right: left + 50, bottom: 50 }));
    const form = new FormData();
    for (const text of toFields(regions)) form.append('regions', text);
    for (const [name, text] of [
      ['detect', 'false'],
      ['method', 'solid'],
      ['format', 'png'],
    ])
      form.append(name!, text!);
    form.append('file', new Blob([Uint8Array.from(image)]), 'a.jpg');
    const response = await fetch(`${service.url}/api/v1/mask`, { method: 'POST', body: form });
    const after = await decode(Buffer.from(await response.arrayBuffer()));

    expect(response.headers.get('x-masked-count')).toBe('2');
    for (const { left } of regions) {
      const at = (25 * after.width + left + 25) * 3;
      expect([...after.data.subarray(at, at + 3)]).toEqual([0, 0, 0]);
    }
  });

  it.each(WAYS)('give the same picture however they are sent (%s)', async (way) => {
    const options = {
      method: 'solid',
      color: '#00ff00',
      shape: 'box',
      padding: 0.1,
      regions: [CORNER],
      format: 'png',
      threshold: 0.3,
    };
    const reference = await masked({ way: 'raw', options });

    expect(differenceOutside(before, reference, [])).toBeGreaterThan(1);
    expect(differenceOutside(reference, await masked({ way, options }), [])).toBe(0);
    expect(differenceOutside(reference, await masked({ way, query: options }), [])).toBe(0);
  });

  it('a face below the threshold is not masked', async () => {
    expect(differenceOutside(before, await masked({ options: { threshold: 1 } }), [])).toBe(0);
  });
});

describe('review_threshold', () => {
  const asJson = { accept: 'application/json' };
  const maskedFace = async (response: Response) => {
    const body = maskedSchema.strict().parse(await response.json());
    const after = await decode(Buffer.from(body.output.image, 'base64'));
    return { ...body, isMasked: differenceInside(before, after, drawn) > 8 };
  };

  it('has faces between it and the threshold masked, marked and counted as uncertain', async () => {
    const options = { threshold: 1, review_threshold: 0.3 };
    const response = await mask({ options, headers: asJson });
    expect(response.headers.get('x-uncertain-count')).toBe('1');
    const body = await maskedFace(response);
    expect(body).toMatchObject({ face_count: 1, masked_count: 1, uncertain_count: 1, isMasked: true });
    expect(body.faces).toMatchObject([{ uncertain: true }]);
    expect(body.faces[0]!.score).toBeGreaterThan(0.3);
  });

  it('leaves faces from the threshold on certain', async () => {
    const response = await mask({ options: { threshold: 0.4, review_threshold: 0.3 }, headers: asJson });
    expect(response.headers.get('x-uncertain-count')).toBe('0');
    const body = await maskedFace(response);
    expect(body).toMatchObject({ face_count: 1, masked_count: 1, uncertain_count: 0, isMasked: true });
    expect(body.faces[0]).not.toHaveProperty('uncertain');
  });

  it('together with verify leaves nothing bare, and its faces are no additions of verification', async () => {
    const options = { threshold: 1, review_threshold: 0.3, verify: true };
    const body = await maskedFace(await mask({ options, headers: asJson }));
    expect(body).toMatchObject({ masked_count: 1, uncertain_count: 1, isMasked: true });
    expect(body.verification).toMatchObject({ outcome: 'clean', added_boxes: [] });
  });

  it.each([{ threshold: 0.4, review_threshold: 0.41 }, { review_threshold: 0.6 }])(
    'above the threshold is refused, with what to do: %j',
    async (options) => {
      const { detail } = await expectProblem(await mask({ options }), 400, 'invalid-option');
      expect(detail).toMatch(/^review_threshold: 0\.\d+ is above the threshold of 0\.\d+\. Lower it/);
    },
  );

  it('has a default, which gives way to a threshold that is asked for', async () => {
    const configured = await startService({ FACE_API_DEFAULT_THRESHOLD: '1' });
    try {
      const ask = async (options: { threshold?: number }) =>
        maskedFace(await send(configured.url, 'mask', image, { options, headers: asJson }));
      expect(await ask({})).toMatchObject({ masked_count: 1, uncertain_count: 1 });
      expect(await ask({ threshold: 1 })).toMatchObject({ masked_count: 0, uncertain_count: 0 });
      expect(await ask({ threshold: 0.2 })).toMatchObject({ masked_count: 1, uncertain_count: 0 });
    } finally {
      await configured.close();
    }
  });

  it('is no option of detection', async () => {
    await expectProblem(
      await send(service.url, 'detect', image, { options: { review_threshold: 0.3 } }),
      400,
      'invalid-option',
    );
  });
});

describe('the configured defaults', () => {
  it('hold where the request names none', async () => {
    const configured = await startService({
      FACE_API_DEFAULT_METHOD: 'solid',
      FACE_API_DEFAULT_COLOR: '#0000ff',
      FACE_API_DEFAULT_SHAPE: 'box',
      FACE_API_DEFAULT_PADDING: '0',
      FACE_API_DEFAULT_MARK: 'true',
    });
    try {
      const options = { method: 'solid', color: '#0000ff', shape: 'box', padding: 0, mark: true };
      const asked = await masked({ options });
      const after = await decode(await bytesOf(await send(configured.url, 'mask', image)));

      expect(differenceInside(before, after, drawn)).toBeGreaterThan(20);
      expect(differenceOutside(asked, after, [])).toBe(0);
    } finally {
      await configured.close();
    }
  });
});

describe('gaussian and mosaic', () => {
  it.each(['gaussian', 'mosaic'])(
    '%s masks where the caller accepts that it can be undone, and says so',
    async (method) => {
      const response = await mask({ options: { method, allow_reversible: true } });
      const after = await decode(await bytesOf(response));

      expect(response.headers.get('x-mask-assurance')).toBe('reversible');
      expect(contrast(after, grow(drawn, -0.15))).toBeLessThan(contrast(before, grow(drawn, -0.15)) * 0.7);
      expect(differenceInside(before, after, CORNER)).toBe(0);
    },
  );

  it.each(['gaussian', 'mosaic'])('%s is refused with the way out where the caller does not', async (method) => {
    const { detail } = await expectProblem(await mask({ options: { method } }), 400, 'invalid-option');

    expect(detail).toContain('allow_reversible=true');
  });

  it('the other methods say that they are irreversible', async () => {
    const response = await mask({ headers: { accept: 'application/json' } });

    expect(response.headers.get('x-mask-assurance')).toBe('irreversible');
    expect(maskedSchema.parse(await response.json()).assurance).toBe('irreversible');
  });
});

describe('verification', () => {
  const asJson = { accept: 'application/json' };

  it('finds nothing more where all is masked, and says so', async () => {
    const response = await mask({ options: { verify: true }, headers: asJson });

    expect(response.headers.get('x-mask-verified')).toBe('clean; rounds=1; added=0');
    expect(maskedSchema.parse(await response.json()).verification).toEqual({
      outcome: 'clean',
      rounds: 1,
      added_boxes: [],
    });
  });

  it('masks what the first search left out', async () => {
    const response = await mask({ options: { verify: true, threshold: 1, format: 'png' }, headers: asJson });
    const { verification, face_count, masked_count, output } = maskedSchema.parse(await response.json());
    const after = await decode(Buffer.from(output.image, 'base64'));

    expect({ face_count, masked_count }).toEqual({ face_count: 0, masked_count: 1 });
    expect(response.headers.get('x-mask-verified')).toBe('clean; rounds=1; added=1');
    expect(overlap(verification!.added_boxes[0]!, drawn)).toBeGreaterThan(0.5);
    expect(contrast(after, grow(drawn, -0.15))).toBeLessThan(contrast(before, grow(drawn, -0.15)) / 2);
  });

  it('leaves a face visible that the caller keeps', async () => {
    const after = await masked({ options: { verify: true, regions: [{ ...drawn, keep: true }] } });

    expect(differenceOutside(before, after, [])).toBe(0);
  });

  it('is not reported where it was not asked for', async () => {
    for (const options of [{}, { detect: false, regions: [CORNER] }]) {
      const response = await mask({ options, headers: asJson });
      expect(response.headers.get('x-mask-verified')).toBeNull();
      expect(maskedSchema.parse(await response.json()).verification).toBeNull();
    }
  });

  it.each(WAYS)('is refused where no faces are to be looked for: %s', async (way) => {
    const options = { verify: true, detect: false, regions: [CORNER] };
    const { detail } = await expectProblem(await mask({ way, options }), 400, 'invalid-option');

    expect(detail).toContain('detect=false');
  });

  it('verifies nothing where only the default asks for it and no faces are to be looked for', async () => {
    const configured = await startService({ FACE_API_DEFAULT_VERIFY: 'true' });
    try {
      const options = { detect: false, regions: [CORNER] };
      const response = await send(configured.url, 'mask', image, { options, headers: asJson });
      expect(response.headers.get('x-mask-verified')).toBeNull();
      expect(maskedSchema.parse(await response.json())).toMatchObject({ masked_count: 1, verification: null });
    } finally {
      await configured.close();
    }
  });

  it('can be the default, with a detector of its own', async () => {
    const other = fileURLToPath(new URL('../models/embedded.onnx', import.meta.url));
    const configured = await startService({ FACE_API_DEFAULT_VERIFY: 'true', FACE_API_SECOND_MODEL: other });
    try {
      const response = await send(configured.url, 'mask', image, { options: { threshold: 1 } });
      await bytesOf(response);
      expect(response.headers.get('x-mask-verified')).toBe('clean; rounds=1; added=1');
    } finally {
      await configured.close();
    }
  });
});
