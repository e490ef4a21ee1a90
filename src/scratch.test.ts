import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { it } from 'vitest';
import { startService, send } from '../test/support/service.ts';
import { Viewer } from '../test/support/shown.ts';

const DIR = process.env['ODD'] ?? '/work/shared/images/odd/';
it('measure', async () => {
  const service = await startService({ FACE_API_MODEL: 'embedded' });
  const viewer = await Viewer.open();
  const lines: string[] = [];
  for (const name of readdirSync(DIR).filter(
    (n) => !/\.(md|svg)$/.test(n) && (!process.env['ONLY'] || new RegExp(process.env['ONLY']).test(n)),
  )) {
    const bytes = readFileSync(DIR + name);
    const type = {
      png: 'image/png',
      gif: 'image/gif',
      webp: 'image/webp',
      avif: 'image/avif',
      avifs: 'image/avif',
      jpg: 'image/jpeg',
    }[name.split('.').pop()!];
    let shown: any = null;
    let why = '';
    if (type)
      shown = await viewer.show(bytes, type).catch((e: Error) => {
        why = e.message.slice(0, 60);
        return null;
      });
    const response = await send(service.url, 'mask', bytes, { options: {}, headers: { accept: 'application/json' } });
    const body: any = await response.json();
    let line = `${name} ${response.status} `;
    if (!response.ok) line += body.detail;
    else {
      line += `faces=${body.face_count} masked=${body.masked_count} frames=${body.image.frames} ${body.output.format} color=${body.color ?? '-'} `;
      const out = Buffer.from(body.output.image, 'base64');
      writeFileSync('/tmp/files/' + name + '.' + body.output.format, out);
      if (shown) {
        // compare unmasked: detect=false with one tiny region
        const plain: any = await (
          await send(service.url, 'mask', bytes, {
            options: { detect: 'false', regions: '[{"left":0,"top":0,"right":1,"bottom":1}]', quality: 100 },
            headers: { accept: 'application/json' },
          })
        ).json();
        const outShown: any = await viewer.show(
          Buffer.from(plain.output.image, 'base64'),
          `image/${plain.output.format}`,
        );
        const a = shown.frames,
          b = outShown.frames;
        line += `| shown frames ${a.length}->${b.length} dur ${a.map((f: any) => f.duration)} -> ${b.map((f: any) => f.duration)} loop ${shown.repetitions}->${outShown.repetitions} diff `;
        for (let i = 0; i < Math.min(a.length, b.length); i++) {
          if (a[i].pixels.length !== b[i].pixels.length) {
            line += 'size! ';
            continue;
          }
          let sum = 0,
            n = 0;
          for (let k = 0; k < a[i].pixels.length; k++) {
            if (k % 4 === 3) continue;
            sum += Math.abs(a[i].pixels[k] - b[i].pixels[k]);
            n++;
          }
          line += (sum / n).toFixed(2) + ' ';
        }
      } else line += why;
    }
    lines.push(line);
  }
  writeFileSync('/tmp/files/table.txt', lines.join('\n') + '\n');
  await viewer.close();
  await service.close();
}, 600_000);
