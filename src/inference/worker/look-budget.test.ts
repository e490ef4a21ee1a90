import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LookBudget, Pace, shareOf } from './look-budget.ts';

interface Look {
  readonly name: number;
  readonly estimate: number;
  readonly actual: number;
}

/** Takes looks on a clock that they alone move. Says how much time was left before each. */
async function takeAll(looks: readonly Look[], budget: number) {
  let now = 0;
  const left = new Map<Look, number>();
  const taking = new LookBudget(budget, () => now);
  const estimate = (look: Look) => {
    left.set(look, budget - now);
    return look.estimate;
  };
  const { findings, skipped } = await taking.take(looks, estimate, (look) => {
    now += look.actual;
    return Promise.resolve(look);
  });
  return { taken: findings, skipped, left };
}

describe('a budget', () => {
  const ms = fc.nat(1000);
  const anyLooks = fc
    .array(fc.record({ estimate: ms, actual: ms }), { minLength: 1 })
    .map((looks) => looks.map((look, name) => ({ ...look, name })));

  it('has the first look taken, no other whose estimate exceeds what is left, and skips no other', async () => {
    await fc.assert(
      fc.asyncProperty(anyLooks, ms, async (looks, budget) => {
        const { taken, skipped, left } = await takeAll(looks, budget);
        expect(taken[0]).toBe(looks[0]);
        for (const look of taken.slice(1)) expect(look.estimate).toBeLessThanOrEqual(left.get(look)!);
        for (const look of skipped) expect(look.estimate).toBeGreaterThan(left.get(look)!);
      }),
    );
  });

  it('keeps the order of the looks, and each is either taken or skipped', async () => {
    await fc.assert(
      fc.asyncProperty(anyLooks, ms, async (looks, budget) => {
        const { taken, skipped } = await takeAll(looks, budget);
        const inOrder = (some: readonly Look[]) => {
          expect(some).toEqual(some.toSorted((a, b) => a.name - b.name));
        };
        inOrder(taken);
        inOrder(skipped);
        expect([...taken, ...skipped].sort((a, b) => a.name - b.name)).toEqual(looks);
      }),
    );
  });

  it('is exceeded by what the first look takes, and by what estimates are wrong by, alone', async () => {
    await fc.assert(
      fc.asyncProperty(anyLooks, ms, async (looks, budget) => {
        const exact = looks.map((look) => ({ ...look, estimate: look.actual }));
        const { taken } = await takeAll(exact, budget);
        const sum = taken.reduce((total, { actual }) => total + actual, 0);
        expect(sum).toBeLessThanOrEqual(Math.max(budget, taken[0]!.actual));
      }),
    );
  });

  it('without end has all looks taken', async () => {
    await fc.assert(
      fc.asyncProperty(anyLooks, async (looks) => {
        expect((await takeAll(looks, Infinity)).taken).toEqual(looks);
      }),
    );
  });

  it('counts the first look once, however often looks are taken', async () => {
    const budget = new LookBudget(0, () => 1);
    const take = (name: string) =>
      budget.take(
        [name],
        () => 1,
        (look) => Promise.resolve(look),
      );
    expect(await take('first')).toEqual({ findings: ['first'], skipped: [] });
    expect(await take('second')).toEqual({ findings: [], skipped: ['second'] });
  });
});

it('a share is what is left, divided by how many still need theirs', () => {
  expect(shareOf(400, 3, 100)).toBe(200);
  expect(shareOf(400, 1, 100)).toBe(400);
  expect(shareOf(Infinity, 3, 100)).toBe(Infinity);
});

describe('the pace', () => {
  it('is the measured time for each pixel', () => {
    const pace = new Pace();
    pace.add(1000, 20);
    expect(pace.msFor(3000)).toBeCloseTo(60);
  });

  it('before the first measurement stands in no look’s way', () => {
    expect(new Pace().msFor(3000)).toBe(0);
  });

  it('follows what was measured last', () => {
    const pace = new Pace();
    pace.add(1000, 20);
    for (let times = 0; times < 30; times++) pace.add(1000, 80);
    expect(pace.msFor(1000)).toBeGreaterThan(79);
  });

  it('goes by large canvases more than by small ones, of which each pixel takes longer', () => {
    const pace = new Pace();
    for (let times = 0; times < 10; times++) {
      pace.add(300_000, 30);
      pace.add(20_000, 4);
    }
    expect(pace.msFor(300_000)).toBeLessThan(33);
  });
});
