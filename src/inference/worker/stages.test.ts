import { describe, expect, it } from 'vitest';
import type { DomainError } from '../../errors/domain-error.ts';
import { Stages } from './stages.ts';

const flag = () => new Int32Array(new SharedArrayBuffer(4));

describe('the stages of a request', () => {
  it('give what each stage gives, and their times in the order in which they ran', async () => {
    const stages = new Stages(flag());
    expect(await stages.run('decode', () => 1)).toBe(1);
    expect(await stages.run('infer', () => Promise.resolve('two'))).toBe('two');
    expect(Object.keys(stages.timings)).toEqual(['decode', 'infer']);
    expect(Object.values(stages.timings).every((ms) => ms >= 0)).toBe(true);
  });

  it('add up the times of a stage that runs twice', async () => {
    const stages = new Stages(flag());
    const pause = () => new Promise((resolve) => setTimeout(resolve, 5));
    await stages.run('infer', pause);
    const once = stages.timings['infer']!;
    await stages.run('infer', pause);
    expect(Object.keys(stages.timings)).toEqual(['infer']);
    expect(stages.timings['infer']).toBeGreaterThan(once);
  });

  it('stop before the next one as soon as nobody waits any more', async () => {
    const cancel = flag();
    const stages = new Stages(cancel);
    await stages.run('decode', () => {
      Atomics.store(cancel, 0, 1);
    });
    let ran = false;
    const next = stages.run('infer', () => {
      ran = true;
    });
    await expect(next).rejects.toMatchObject({ code: 'deadline_exceeded' } satisfies Partial<DomainError>);
    expect(ran).toBe(false);
    expect(Object.keys(stages.timings)).toEqual(['decode']);
  });

  it('pass on a stage’s failure as it is', async () => {
    const failure = new Error('broken');
    await expect(
      new Stages(flag()).run('decode', () => {
        throw failure;
      }),
    ).rejects.toBe(failure);
  });
});
