import { describe, expect, it } from 'vitest';
import type { Box } from '../vision/geometry.ts';
import type { EvaluatedMasks } from './mask-coverage.ts';
import { type Figures, toFigures } from './figures.ts';
import type { MeasuredPhoto } from './measure.ts';
import { drawCurves } from './plot.ts';
import { type Conditions, toJson, toText } from './report.ts';

const face = (left: number, height: number): Box => ({ left, top: 0, right: left + height, bottom: height });

/** Three faces of 12, 40 and 200 pixels: the large one is easy, the small one only hard. */
const boxes = [face(0, 12), face(100, 40), face(300, 200)];
const counted = [new Set([2]), new Set([1, 2]), new Set([0, 1, 2])];
const detect = (...found: [Box, number][]): MeasuredPhoto['faces'] =>
  found.map(([box, score]) => ({ box, score, landmarks: null }));

const measured: MeasuredPhoto[] = [
  {
    photo: { path: 'street.jpg', boxes, counted },
    image: { width: 1000, height: 500, format: 'jpeg', frames: 1 },
    faces: detect([boxes[2]!, 0.9], [boxes[1]!, 0.4], [face(600, 50), 0.3]),
    timings: { decode: 10, inference: 30 },
    smallestFace: 8,
  },
  {
    photo: { path: 'nobody.jpg', boxes: [], counted: [new Set(), new Set(), new Set()] },
    image: { width: 100, height: 100, format: 'jpeg', frames: 1 },
    faces: [],
    timings: { decode: 20, inference: 30 },
    smallestFace: 8,
  },
];

const noPadding: EvaluatedMasks = { shape: 'box', padding: 0, margin: 0 };
const levels = ['easy', 'medium', 'hard'];
const figures: Figures = toFigures(levels, measured, 0.5, noPadding);

const conditions: Conditions = {
  dataset: 'a/folder',
  photos: 2,
  model: { name: 'tiny', sha256: 'abc', license: 'MIT', bytes: 1 },
  secondModel: null,
  inputSize: 640,
  recall: 'fast',
  largeFaces: true,
  nmsThreshold: 0.4,
  defaultThreshold: 0.5,
  lowThreshold: 0.02,
  threads: 1,
};

describe('figures', () => {
  it('judges each level by the faces that count there', () => {
    expect(figures.levels.map(({ level, faces, averagePrecision }) => [level, faces, averagePrecision])).toEqual([
      ['easy', 1, 1],
      ['medium', 2, 1],
      ['hard', 3, expect.closeTo(2 / 3, 12)],
    ]);
    const hard = figures.levels[2]!;
    expect(hard.atDefaultThreshold).toMatchObject({ precision: 1, recall: 1 / 3, wrong: 0 });
    expect(hard.atWantedPrecision).toMatchObject({ threshold: 0.4, recall: 2 / 3 });
  });

  it('counts the faces of the widest level by height, at both thresholds', () => {
    const rows = figures.sizes.map((size) => [size.from, size.to, size.faces, size.foundAtDefaultThreshold]);
    expect(rows).toEqual([
      [0, 8, 0, 0],
      [8, 16, 1, 0],
      [16, 32, 0, 0],
      [32, 64, 1, 0],
      [64, 128, 0, 0],
      [128, null, 1, 1],
    ]);
    expect(figures.sizes.map(({ foundAtLowThreshold }) => foundAtLowThreshold)).toEqual([0, 0, 0, 1, 0, 1]);
  });

  it('gives the mean time, whole and by stage', () => {
    expect(figures.stagesMs).toEqual({ decode: 15, inference: 30 });
    expect(figures.msPerPhoto).toBe(45);
  });

  it('has no average precision where there are no faces', () => {
    const [all] = toFigures(['all'], measured.slice(1), 0.5, noPadding).levels;
    expect(all).toMatchObject({ faces: 0, averagePrecision: null, atWantedPrecision: null });
    expect(all!.atDefaultThreshold).toMatchObject({ correct: 0, wrong: 0 });
  });
});

describe('the report', () => {
  it('is a table for people, of the sizes that occur', () => {
    expect(toText(conditions, figures)).toBe(
      `tiny, SHA-256 abc
2 photos of a/folder, long side 640 pixels, recall fast, 1 thread

level   faces     AP  precision at .50  recall  wrong  precision .95 from score  recall
easy        1  1.000             1.000   1.000      0                      .900   1.000
medium      2  1.000             1.000    .500      0                      .400   1.000
hard        3   .667             1.000    .333      0                      .400    .667

Recall by height of the face in pixels of the photo (faces of the level "hard"):
height    faces  at .50  at .02
8 to 16       1    .000    .000
32 to 64      1    .000   1.000
over 128      1   1.000   1.000

Faces of 16 pixels and more that masks cover by .95 or more, and pixels masked for nothing
from score  covered  of  needless
.50               1   2    0.00 %
.30               2   2    0.49 %
.20               2   2    0.49 %
.15               2   2    0.49 %
.10               2   2    0.49 %
.05               2   2    0.49 %

45.0 ms per photo, selecting from score .02: decode 15.0 + inference 30.0
`,
    );
  });

  it('shows where there is nothing to show', () => {
    const text = toText(conditions, toFigures(['all'], measured.slice(1), 0.5, noPadding));
    expect(text).toContain('\nall        0   –             1.000    .000      0                      none       –\n');
  });

  it('is JSON for programs, with the conditions and the curves', () => {
    const report = JSON.parse(toJson(conditions, figures)) as Conditions & Figures;
    expect(report).toMatchObject({ ...conditions, matchIou: 0.5, wantedPrecision: 0.95, msPerPhoto: 45 });
    expect(report.sizes).toEqual(figures.sizes);
    expect(report.levels[0]!.curve[0]).toEqual({ threshold: 0.9, precision: 1, recall: 1, correct: 1, wrong: 0 });
  });
});

describe('the plot', () => {
  const svg = drawCurves('<a> & "b"', figures.levels, 0.5);

  it('has a curve and a dot for each level, named with its average precision', () => {
    expect(svg.match(/<polyline class="curve (first|second|third)"/g)).toHaveLength(3);
    expect(svg.match(/<circle/g)).toHaveLength(4);
    expect(svg).toContain('>hard, AP 0.667</text>');
    expect(svg).toContain('>score 0.5</text>');
  });

  it('puts recall 0 to 1 from left to right and precision 0 to 1 from bottom to top', () => {
    // Easy is found at recall 1 and precision 1; then comes a false alarm at recall 1 and precision 1/2.
    expect(svg).toContain('points="616,56 616,240"');
  });

  it('escapes what it is told', () => {
    expect(svg).toContain('>&#60;a&#62; &#38; &#34;b&#34;</text>');
  });

  it('draws nothing but axes and legend where there are no faces', () => {
    const empty = drawCurves('none', toFigures(['all'], measured.slice(1), 0.5, noPadding).levels, 0.5);
    expect(empty).toContain('>all, no faces</text>');
    expect(empty).toContain('points=""');
    expect(empty).not.toContain('NaN');
  });
});
