import { writeFileSync, readFileSync } from 'node:fs';
import sharp from 'sharp';
import { it } from 'vitest';
import { Viewer } from '../test/support/shown.ts';
import { hundredThousandths, withChunks } from '../test/fixtures/png-chunks.ts';

it('probe', async () => {
  const viewer = await Viewer.open();
  const grays = Array.from({ length: 33 }, (_, i) => i / 32).map((v) => [v, v, v]);
  const colors = [];
  for (const r of [0, 0.25, 0.5, 0.75])
    for (const g of [0, 0.25, 0.5, 0.75]) for (const b of [0, 0.25, 0.5, 0.75]) colors.push([r, g, b]);
  const samples = [...grays, ...colors];
  const data = new Uint16Array(samples.length * 3);
  samples.forEach((s, i) => s.forEach((v, c) => (data[i * 3 + c] = Math.round(v * 65535))));
  const png16 = await sharp(data, { raw: { width: samples.length, height: 1, channels: 3 } })
    .toColorspace('rgb16')
    .png()
    .toBuffer();
  const back = await sharp(png16).toColorspace('rgb16').raw({ depth: 'ushort' }).toBuffer();
  if (!Buffer.from(data.buffer).equals(back)) throw new Error('png16');
  const out: any = { samples };
  const show = async (name: string, file: Uint8Array, type = 'image/png') => {
    try {
      const { frames } = await viewer.show(file, type);
      const p = frames[0]!.pixels;
      out[name] = samples.map((_, i) => [p[i * 4], p[i * 4 + 1], p[i * 4 + 2]]);
    } catch (e) {
      out[name] = String(e).slice(0, 100);
    }
  };
  await show('plain', png16);
  for (const g of [0.45455, 0.55, 1, 0.5, 0.3])
    await show('gama' + g, withChunks(png16, { gAMA: hundredThousandths(g) }));
  const chrm = {
    srgb: [0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06],
    adobe: [0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06],
    p3: [0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06],
    d50: [0.3457, 0.3585, 0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001],
  };
  for (const [n, c] of Object.entries(chrm)) {
    await show('chrm-' + n, withChunks(png16, { cHRM: hundredThousandths(...c) }));
    await show(
      'chrm-gama-' + n,
      withChunks(png16, { gAMA: hundredThousandths(0.45455), cHRM: hundredThousandths(...c) }),
    );
  }
  await show('srgb+gama', withChunks(png16, { gAMA: hundredThousandths(1), sRGB: Buffer.from([0]) }));
  for (const p of [1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 22])
    await show('cicp-' + p + '-13', withChunks(png16, { cICP: Buffer.from([p, 13, 0, 1]) }));
  for (const t of [1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]) {
    await show('cicp-1-' + t, withChunks(png16, { cICP: Buffer.from([1, t, 0, 1]) }));
  }
  for (const t of [16, 18]) await show('cicp-9-' + t, withChunks(png16, { cICP: Buffer.from([9, t, 0, 1]) }));
  await show('cicp-2-2', withChunks(png16, { cICP: Buffer.from([2, 2, 0, 1]) }));
  await show('cicp-12-16', withChunks(png16, { cICP: Buffer.from([12, 16, 0, 1]) }));
  // AVIF: wide patches
  const wide = await sharp(data, { raw: { width: samples.length, height: 1, channels: 3 } })
    .toColorspace('rgb16')
    .resize(samples.length * 8, 8, { kernel: 'nearest' })
    .png()
    .toBuffer();
  const avif = await sharp(wide).avif({ lossless: true, bitdepth: 12, chromaSubsampling: '4:4:4' }).toBuffer();
  writeFileSync('/tmp/files/ramp.avif', avif);
  const at = avif.indexOf('colrnclx');
  out.colr = [...avif.subarray(at, at + 16)];
  for (const [p, t] of [
    [1, 13],
    [1, 1],
    [9, 16],
    [9, 18],
    [12, 13],
    [9, 14],
    [9, 1],
    [1, 8],
    [2, 2],
    [1, 4],
    [5, 4],
    [6, 6],
  ]) {
    const file = Buffer.from(avif);
    file.writeUInt16BE(p!, at + 8);
    file.writeUInt16BE(t!, at + 10);
    try {
      const { frames } = await viewer.show(file, 'image/avif');
      const px = frames[0]!.pixels;
      const w = samples.length * 8;
      out['avif-' + p + '-' + t] = samples.map((_, i) => [0, 1, 2].map((c) => px[(3 * w + i * 8 + 4) * 4 + c]));
    } catch (e) {
      out['avif-' + p + '-' + t] = String(e).slice(0, 100);
    }
  }
  writeFileSync('/tmp/files/probe.json', JSON.stringify(out));
  await viewer.close();
}, 300_000);
