/** x and y of white, red, green and blue (CIE 1931). */
export type Primaries = readonly [number, number, number, number, number, number, number, number];

type Row = readonly [number, number, number];
export type Matrix = readonly [Row, Row, Row];

const D65 = [0.3127, 0.329] as const;
const C = [0.31, 0.316] as const;

export const SRGB_PRIMARIES: Primaries = [...D65, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06];
export const BT2020_PRIMARIES: Primaries = [...D65, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046];
const SMPTE_170M: Primaries = [...D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07];

/** The codes of ITU-T H.273, table 2. Those that are not listed are unspecified. */
const CODES: Readonly<Record<number, Primaries>> = {
  1: SRGB_PRIMARIES,
  4: [...C, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08],
  5: [...D65, 0.64, 0.33, 0.29, 0.6, 0.15, 0.06],
  6: SMPTE_170M,
  7: SMPTE_170M,
  8: [...C, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049],
  9: BT2020_PRIMARIES,
  10: [1 / 3, 1 / 3, 1, 0, 0, 1, 0, 0],
  11: [0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06],
  12: [...D65, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06],
  22: [...D65, 0.63, 0.34, 0.295, 0.605, 0.155, 0.077],
};

export function primariesOf(code: number): Primaries {
  return CODES[code] ?? SRGB_PRIMARIES;
}

/** From linear RGB of one set of primaries to that of another; white stays white (Bradford). */
export function betweenPrimaries(from: Primaries, to: Primaries): Matrix {
  const adapted = multiply(adaptation(whiteOf(from), whiteOf(to)), toXyz(from));
  return multiply(invert(toXyz(to)), adapted);
}

/** Weights of red, green and blue in the luminance. */
export function luminanceWeights(primaries: Primaries): Row {
  return toXyz(primaries)[1];
}

function toXyz(primaries: Primaries): Matrix {
  const [, , rx, ry, gx, gy, bx, by] = primaries;
  const [red, green, blue] = [xyz(rx, ry), xyz(gx, gy), xyz(bx, by)];
  const columns: Matrix = [
    [red[0], green[0], blue[0]],
    [red[1], green[1], blue[1]],
    [red[2], green[2], blue[2]],
  ];
  const scale = apply(invert(columns), whiteOf(primaries));
  return columns.map((row) => [row[0] * scale[0], row[1] * scale[1], row[2] * scale[2]] as const) as unknown as Matrix;
}

/** With x, y and z, of which an imaginary blue of y = 0 has no Y. */
function xyz(x: number, y: number): Row {
  return [x, y, 1 - x - y];
}

function whiteOf([x, y]: Primaries): Row {
  return [x / y, 1, (1 - x - y) / y];
}

const BRADFORD: Matrix = [
  [0.8951, 0.2664, -0.1614],
  [-0.7502, 1.7135, 0.0367],
  [0.0389, -0.0685, 1.0296],
];

function adaptation(from: Row, to: Row): Matrix {
  const [a, b] = [apply(BRADFORD, from), apply(BRADFORD, to)];
  const scale: Matrix = [
    [b[0] / a[0], 0, 0],
    [0, b[1] / a[1], 0],
    [0, 0, b[2] / a[2]],
  ];
  return multiply(invert(BRADFORD), multiply(scale, BRADFORD));
}

function apply(matrix: Matrix, [x, y, z]: Row): Row {
  const row = (weights: Row) => weights[0] * x + weights[1] * y + weights[2] * z;
  return [row(matrix[0]), row(matrix[1]), row(matrix[2])];
}

function multiply(a: Matrix, b: Matrix): Matrix {
  const column = (index: 0 | 1 | 2): Row => apply(a, [b[0][index], b[1][index], b[2][index]]);
  const [x, y, z] = [column(0), column(1), column(2)];
  return [
    [x[0], y[0], z[0]],
    [x[1], y[1], z[1]],
    [x[2], y[2], z[2]],
  ];
}

/** By cofactors. */
function invert([[a, b, c], [d, e, f], [g, h, i]]: Matrix): Matrix {
  const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  const over = (value: number) => value / determinant;
  return [
    [over(e * i - f * h), over(c * h - b * i), over(b * f - c * e)],
    [over(f * g - d * i), over(a * i - c * g), over(c * d - a * f)],
    [over(d * h - e * g), over(b * g - a * h), over(a * e - b * d)],
  ];
}
