import type { LevelFigures } from './figures.ts';
import { thinCurve } from './matching.ts';

const SIZE = { width: 640, height: 480 };
/** The square of precision and recall, 0 to 1 each, in pixels of the drawing. */
const AREA = { left: 64, top: 56, right: 616, bottom: 424 };
const TICKS = [0, 0.2, 0.4, 0.6, 0.8, 1];
const CURVES = ['first', 'second', 'third'];

/** Blue, orange and green of Okabe and Ito, which color-blind people can distinguish; lighter on the dark background. */
const LIGHT = { ground: '#ffffff', text: '#24292f', grid: '#d0d7de', curves: ['#0072b2', '#d55e00', '#00805e'] };
const DARK: typeof LIGHT = {
  ground: '#16191d',
  text: '#d5dae0',
  grid: '#3a4149',
  curves: ['#56b4e9', '#f0914a', '#35c79a'],
};

/** Without custom properties, which only browsers support. */
const STYLE = `
    text { font: 13px system-ui, sans-serif }
    .title { font-size: 15px; font-weight: 600 }
    .curve { fill: none; stroke-width: 2; stroke-linejoin: round }
    .dot { stroke-width: 2 }
    ${colorRules(LIGHT)}
    @media (prefers-color-scheme: dark) { ${colorRules(DARK)} }`;

function colorRules({ ground, text, grid, curves }: typeof LIGHT): string {
  return [
    `.ground, .dot { fill: ${ground} }`,
    `text { fill: ${text} }`,
    `.grid { stroke: ${grid} }`,
    `.any { stroke: ${text} }`,
    ...curves.map((color, index) => `.${CURVES[index]!} { stroke: ${color} }`),
  ].join(' ');
}

/** Precision over recall as an SVG: a curve for each level, with a dot at the default threshold. */
export function drawCurves(title: string, levels: readonly LevelFigures[], defaultThreshold: number): string {
  const { width, height } = SIZE;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escape(title)}">
  <style>${STYLE}
  </style>
  <rect class="ground" width="${width}" height="${height}"/>
  <text class="title" x="${AREA.left}" y="32">${escape(title)}</text>
${drawAxes()}
${levels.map(drawCurve).join('\n')}
${drawLegend(levels, defaultThreshold)}
</svg>
`;
}

function drawAxes(): string {
  const lines = TICKS.flatMap((tick) => [
    `  <path class="grid" d="M${x(tick)} ${AREA.top}V${AREA.bottom}"/>`,
    `  <path class="grid" d="M${AREA.left} ${y(tick)}H${AREA.right}"/>`,
    `  <text x="${x(tick)}" y="${AREA.bottom + 20}" text-anchor="middle">${tick}</text>`,
    `  <text x="${AREA.left - 8}" y="${y(tick) + 4}" text-anchor="end">${tick}</text>`,
  ]);
  const middle = (AREA.top + AREA.bottom) / 2;
  return [
    ...lines,
    `  <text x="${(AREA.left + AREA.right) / 2}" y="${SIZE.height - 14}" text-anchor="middle">recall</text>`,
    `  <text x="20" y="${middle}" text-anchor="middle" transform="rotate(-90 20 ${middle})">precision</text>`,
  ].join('\n');
}

function drawCurve({ curve, atDefaultThreshold: { recall, precision } }: LevelFigures, index: number): string {
  const points = thinCurve(curve, 1 / (AREA.right - AREA.left)).map(
    (point) => `${x(point.recall)},${y(point.precision)}`,
  );
  const color = CURVES[index % CURVES.length]!;
  return `  <polyline class="curve ${color}" points="${points.join(' ')}"/>
  <circle class="dot ${color}" cx="${x(recall)}" cy="${y(precision)}" r="4"/>`;
}

/** At the bottom left, away from the curve of any useful detector. */
function drawLegend(levels: readonly LevelFigures[], defaultThreshold: number): string {
  const left = AREA.left + 16;
  const top = AREA.bottom - 22 * (levels.length + 1);
  const entries = levels.map(({ level, averagePrecision }, index) => {
    const row = top + 22 * index;
    const area = averagePrecision === null ? 'no faces' : `AP ${averagePrecision.toFixed(3)}`;
    return `  <path class="curve ${CURVES[index % CURVES.length]!}" d="M${left} ${row}h28"/>
  <text x="${left + 38}" y="${row + 4}">${escape(level)}, ${area}</text>`;
  });
  const row = top + 22 * levels.length;
  return `${entries.join('\n')}
  <circle class="dot any" cx="${left + 14}" cy="${row}" r="4"/>
  <text x="${left + 38}" y="${row + 4}">score ${defaultThreshold}</text>`;
}

function x(recall: number): number {
  return round(AREA.left + recall * (AREA.right - AREA.left));
}

function y(precision: number): number {
  return round(AREA.bottom - precision * (AREA.bottom - AREA.top));
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
