import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Cell, csvLine } from './csv.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('"', ',', '\r', '\n', '\t', '=', '+', '-', '@', "'", ' ', 'a') }),
);
const cell: fc.Arbitrary<Cell> = fc.oneof(text, fc.integer({ min: 0 }), fc.constant(null));
const FORMULA = /^[=+\-@\t\r]/;

/** As a reader sees it: an apostrophe in front says that it is a text. */
function expected(value: Cell): string {
  if (value === null) return '';
  return typeof value === 'string' && FORMULA.test(value) ? `'${value}` : String(value);
}

describe('lines of CSV', () => {
  it('are read by a CSV parser as the cells that were written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 6 }), fc.infiniteStream(cell), (columns, cells) => {
        const rows = Array.from({ length: 4 }, () => [...cells.take(columns)]);
        const read = parse(rows.map(csvLine).join(''), { recordDelimiter: ['\r\n', '\n', '\r'] });
        expect(read).toEqual(rows.map((row) => row.map(expected)));
      }),
      { numRuns: 500 },
    );
  });

  it('hold no text that a spreadsheet would run', () => {
    for (const formula of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1']) {
      const [[read]] = parse(csvLine([formula, 'x']), { recordDelimiter: ['\r\n', '\n', '\r'] }) as [[string, string]];
      expect(read.startsWith("'")).toBe(true);
    }
  });
});
