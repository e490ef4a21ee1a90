import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Arrivals, type Sighting } from './arrivals.ts';

/** Names of the files that are complete at each look. @param looks state of the files by name */
async function taken(...looks: Readonly<Record<string, string>>[]): Promise<string[][]> {
  const arrivals = new Arrivals();
  const result: string[][] = [];
  for (const look of looks) {
    const names: string[] = [];
    for await (const { name } of arrivals.look(sightings(look))) names.push(name);
    result.push(names);
  }
  return result;
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* sightings(look: Readonly<Record<string, string>>): AsyncGenerator<Sighting> {
  for (const [name, state] of Object.entries(look)) yield { source: { name, path: `/${name}` }, state };
}

describe('a file that arrives', () => {
  it('is taken once, when it has stopped growing', async () => {
    expect(await taken({ a: '1' }, { a: '2' }, { a: '3' }, { a: '3' }, { a: '3' })).toEqual([[], [], [], ['a'], []]);
  });

  it('is taken again after a change', async () => {
    expect(await taken({ a: '1' }, { a: '1' }, { a: '2' }, { a: '2' })).toEqual([[], ['a'], [], ['a']]);
  });

  it('is taken again if it was away in between', async () => {
    expect(await taken({ a: '1' }, { a: '1' }, {}, { a: '1' }, { a: '1' })).toEqual([[], ['a'], [], [], ['a']]);
  });

  it('is always taken in the state in which it stays, however it grew', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom('1', '2', '3')), async (states) => {
        const looks = [...states, 'last', 'last'].map((state) => ({ a: state }));
        expect((await taken(...looks)).at(-1)).toEqual(['a']);
      }),
    );
  });
});
