import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Semaphore } from './semaphore.ts';

const never = new AbortController().signal;

/** Lets everything that is ready run: a grant reaches its waiter within a few microtasks. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a semaphore', () => {
  it('gives as many permits as its limit, and the next ones as they come back', async () => {
    const semaphore = new Semaphore(2);
    const [first] = [await semaphore.acquire(never), await semaphore.acquire(never)];
    let granted = false;
    const third = semaphore.acquire(never).then((release) => {
      granted = true;
      return release;
    });
    await settled();
    expect({ granted, inUse: semaphore.inUse, waiting: semaphore.waiting }).toEqual({
      granted: false,
      inUse: 2,
      waiting: 1,
    });
    first();
    (await third)();
    expect({ granted, inUse: semaphore.inUse, waiting: semaphore.waiting }).toEqual({
      granted: true,
      inUse: 1,
      waiting: 0,
    });
  });

  it('serves in the order of asking', async () => {
    const semaphore = new Semaphore(1);
    const order: number[] = [];
    await Promise.all(
      [0, 1, 2, 3, 4].map(async (number) => {
        const release = await semaphore.acquire(never);
        order.push(number);
        await settled();
        release();
      }),
    );
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });

  it('serves the background only when no request waits', async () => {
    const semaphore = new Semaphore(1);
    const order: string[] = [];
    const release = await semaphore.acquire(never);
    const work = async (name: string, isInteractive: boolean) => {
      const releaseOwn = await semaphore.acquire(never, isInteractive);
      order.push(name);
      await settled();
      releaseOwn();
    };
    const all = [work('batch', false), work('first request', true), work('second request', true)];
    release();
    await Promise.all(all);
    expect(order).toEqual(['first request', 'second request', 'batch']);
  });

  it('lets nobody overtake who waits: a permit goes from hand to hand', async () => {
    const semaphore = new Semaphore(1);
    const order: string[] = [];
    const release = await semaphore.acquire(never);
    const waiting = semaphore.acquire(never).then(() => order.push('waited'));
    release();
    const late = semaphore.acquire(never).then(() => order.push('came later'));
    await waiting;
    await settled();
    expect(order).toEqual(['waited']);
    expect(semaphore.waiting).toBe(1);
    void late;
  });

  it('counts a permit that is given back twice once', async () => {
    const semaphore = new Semaphore(1);
    const release = await semaphore.acquire(never);
    release();
    release();
    expect(semaphore.inUse).toBe(0);
    await semaphore.acquire(never);
    release();
    expect(semaphore.inUse).toBe(1);
  });

  it('fails at once with the reason of a signal that has aborted, taking no permit', async () => {
    const semaphore = new Semaphore(1);
    const reason = new Error('nobody waits');
    await expect(semaphore.acquire(AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(semaphore.inUse).toBe(0);
  });

  it('strikes a waiter whose signal aborts from the queue, and serves the one behind', async () => {
    const semaphore = new Semaphore(1);
    const release = await semaphore.acquire(never);
    const controller = new AbortController();
    const aborted = semaphore.acquire(controller.signal);
    const behind = semaphore.acquire(never);
    const reason = new Error('hung up');
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    expect(semaphore.waiting).toBe(1);
    release();
    (await behind)();
    expect(semaphore.inUse).toBe(0);
  });

  it('leaves a permit with its holder when the signal aborts afterwards', async () => {
    const semaphore = new Semaphore(1);
    const controller = new AbortController();
    const release = await semaphore.acquire(controller.signal);
    const waiting = new AbortController();
    const second = semaphore.acquire(waiting.signal);
    controller.abort();
    expect(semaphore.inUse).toBe(1);
    release();
    (await second)();
    waiting.abort();
    expect({ inUse: semaphore.inUse, waiting: semaphore.waiting }).toEqual({ inUse: 0, waiting: 0 });
  });

  it('keeps the queue as it is when someone hangs up who has waited and been served', async () => {
    const semaphore = new Semaphore(1);
    const release = await semaphore.acquire(never);
    const controller = new AbortController();
    const served = semaphore.acquire(controller.signal);
    const behind = semaphore.acquire(never);
    release();
    const second = await served;
    controller.abort();
    expect(semaphore.waiting).toBe(1);
    second();
    (await behind)();
    expect(semaphore.inUse).toBe(0);
  });

  it('behaves as a counter with a queue, whatever the order of asking, giving back, giving up and hanging up', async () => {
    type Step = { kind: 'ask' | 'give back' | 'give back again' | 'give up' | 'hang up'; which: number };
    const step: fc.Arbitrary<Step> = fc.record({
      kind: fc.constantFrom('ask', 'ask', 'give back', 'give back again', 'give up', 'hang up'),
      which: fc.nat(1000),
    });
    const limits = fc.integer({ min: 1, max: 4 });
    await fc.assert(
      fc.asyncProperty(
        limits,
        fc.array(step, { maxLength: 40, size: 'max' }),
        fc.boolean(),
        async (limit, steps, settleEach) => {
          const semaphore = new Semaphore(limit);
          // What the semaphore must do: holders, and waiters in order.
          let holders: number[] = [];
          let queue: number[] = [];
          const granted = new Map<number, () => void>();
          const failed = new Map<number, unknown>();
          const gaveUp: number[] = [];
          const returned: (() => void)[] = [];
          const controllers: AbortController[] = [];
          const advance = () => {
            while (holders.length < limit && queue.length > 0) holders.push(queue.shift()!);
          };
          const pick = <Item>(list: readonly Item[], which: number) => list[which % list.length];

          for (const { kind, which } of steps) {
            if (kind === 'ask') {
              const number = controllers.push(new AbortController()) - 1;
              queue.push(number);
              advance();
              semaphore.acquire(controllers[number]!.signal).then(
                (release) => granted.set(number, release),
                (reason: unknown) => failed.set(number, reason),
              );
            } else if (kind === 'give back') {
              const holder = pick(
                holders.filter((number) => granted.has(number)),
                which,
              );
              if (holder !== undefined) {
                holders = holders.filter((number) => number !== holder);
                advance();
                granted.get(holder)!();
                returned.push(granted.get(holder)!);
              }
            } else if (kind === 'give back again') {
              pick(returned, which)?.();
            } else if (kind === 'hang up') {
              // Whoever has been given a permit keeps it until it is given back: nothing changes for anybody.
              const served = pick([...granted.keys()], which);
              if (served !== undefined) controllers[served]!.abort();
            } else {
              const waiter = pick(queue, which);
              if (waiter !== undefined) {
                queue = queue.filter((number) => number !== waiter);
                gaveUp.push(waiter);
                controllers[waiter]!.abort(`${waiter} gave up`);
              }
            }
            expect(semaphore.inUse).toBe(holders.length);
            expect(semaphore.inUse).toBeLessThanOrEqual(limit);
            expect(semaphore.waiting).toBe(queue.length);
            if (settleEach) await settled();
          }
          await settled();
          for (const holder of holders) expect(granted.has(holder)).toBe(true);
          for (const waiter of queue) expect(granted.has(waiter) || failed.has(waiter)).toBe(false);
          expect([...failed]).toEqual(expect.arrayContaining(gaveUp.map((number) => [number, `${number} gave up`])));
          expect(failed.size).toBe(gaveUp.length);
        },
      ),
      { numRuns: 200 },
    );
  });
});
