import { describe, expect, it } from 'vitest';
import { finishedJob } from '../../test/fixtures/stored-jobs.ts';
import { doubtsOf, REASONS, scoreOf } from './doubts.ts';
import type { RecordedFace } from './job.ts';

const face = (left: number, size: number, uncertain = false): RecordedFace => {
  const box = { left, top: 100, right: left + size, bottom: 100 + size };
  return { box, box_normalized: box, score: 0.6, ...(uncertain && { uncertain: true as const }) };
};
const size = { width: 1000, height: 800 };
const search = { smallest_face_px: 8, skipped_looks: 0 };

describe('the doubts of a masking', () => {
  it('are none if all faces are certain, whole and large, and everything was searched', () => {
    const doubts = doubtsOf(finishedJob({ size, faces: [face(300, 100)], search }));
    expect(doubts).toEqual({});
    expect(scoreOf(doubts)).toBe(0);
  });

  it('count the faces that are uncertain, cut by the border, or about as small as those that are missed', () => {
    const faces = [face(300, 100, true), face(1, 80), face(930, 70), face(500, 15, true), face(600, 16)];
    expect(doubtsOf(finishedJob({ size, faces, search }))).toEqual({
      uncertain_faces: 2,
      cut_faces: 2,
      small_faces: 1,
    });
  });

  it('say that the search was coarse if looks were skipped, or if only large faces can be found', () => {
    const faces = [face(300, 200)];
    const skipped = { smallest_face_px: 12, skipped_looks: 7 };
    expect(doubtsOf(finishedJob({ size, faces, search: skipped }))).toEqual({ coarse_search: 7 });
    const coarse = { smallest_face_px: 50, skipped_looks: 0 };
    expect(doubtsOf(finishedJob({ size, faces, search: coarse }))).toEqual({ coarse_search: 1 });
  });

  it('say what verification added, and that it did not end', () => {
    const verification = {
      outcome: 'incomplete',
      rounds: 3,
      added_boxes: [face(10, 30).box, face(90, 30).box],
    };
    expect(doubtsOf(finishedJob({ size, verification, search }))).toMatchObject({
      unverified: 1,
      verification_added: 2,
    });
  });

  it('are only those of the faces if nothing was searched, or if the job is of an older spool', () => {
    expect(doubtsOf(finishedJob({ size, faces: [face(300, 4)], search: null }))).toEqual({});
    // Older jobs do not have it.
    expect(doubtsOf(finishedJob({ size, faces: [face(0, 40)] }))).toEqual({ cut_faces: 1 });
  });

  it('weigh by the reason first, and then by how often it applies', () => {
    const scores = REASONS.map((reason) => scoreOf({ [reason]: 1 }));
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    expect(scoreOf({ uncertain_faces: 3 })).toBeGreaterThan(scoreOf({ uncertain_faces: 2 }));
    expect(scoreOf({ cut_faces: 5000 })).toBeLessThan(scoreOf({ uncertain_faces: 1 }));
    expect(scoreOf({ uncertain_faces: 1, cut_faces: 1 })).toBeGreaterThan(scoreOf({ uncertain_faces: 1 }));
  });
});
