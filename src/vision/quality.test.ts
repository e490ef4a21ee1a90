import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Point } from './geometry.ts';
import { bordersCutting, brightnessOf, poseOf, sharpnessOf } from './quality.ts';
import type { Raster } from './raster.ts';
import type { Landmarks } from './scrfd.ts';

/** The head that poses are worked out for, in eye distances: x to the right of the image, y down, z towards the viewer. */
const HEAD = [
  [-0.5, 0, 0],
  [0.5, 0, 0],
  [0, 0.572, 0.6],
  [-0.4, 1.155, 0],
  [0.4, 1.155, 0],
] as const;

/** Turned by yaw, then pitch, then roll, seen from far away. */
function headAt({ yaw = 0, pitch = 0, roll = 0 }, size = 1): Landmarks {
  const [sinY, cosY] = [sin(yaw), cos(yaw)];
  const [sinP, cosP] = [sin(pitch), cos(pitch)];
  const points = HEAD.map(([x, y, z]): Point => {
    const [turnedX, depth] = [x * cosY + z * sinY, z * cosY - x * sinY];
    return { x: size * turnedX, y: size * (y * cosP - depth * sinP) };
  });
  return rotated(points as unknown as Landmarks, roll);
}

const sin = (degrees: number) => Math.sin((degrees * Math.PI) / 180);
const cos = (degrees: number) => Math.cos((degrees * Math.PI) / 180);

/** Clockwise in the image. */
function rotated(landmarks: Landmarks, by: number): Landmarks {
  return landmarks.map(({ x, y }) => ({
    x: x * cos(by) - y * sin(by),
    y: x * sin(by) + y * cos(by),
  })) as unknown as Landmarks;
}

/** Between two angles, −180 to 180. */
const angleBetween = (a: number, b: number) => ((((a - b) % 360) + 540) % 360) - 180;

const anyAngle = fc.double({ min: -180, max: 180, noNaN: true });
const anyTilt = fc.double({ min: -60, max: 60, noNaN: true });
/** Any five points of which the mouth is well below the eyes. */
const anyLandmarks = fc
  .tuple(
    anyTilt,
    fc.double({ min: -40, max: 40, noNaN: true }),
    fc.array(fc.double({ min: -0.1, max: 0.1, noNaN: true }), { minLength: 10, maxLength: 10 }),
  )
  .map(([yaw, pitch, noise]) =>
    headAt({ yaw, pitch }).map(({ x, y }, index) => ({ x: x + noise[2 * index]!, y: y + noise[2 * index + 1]! })),
  ) as unknown as fc.Arbitrary<Landmarks>;

describe('the pose', () => {
  it('of a frontal face is none', () => {
    const { roll, yaw, pitch } = poseOf(headAt({}));
    expect([roll, yaw, pitch].map((angle) => Math.round(angle * 1e6) / 1e6 + 0)).toEqual([0, 0, 0]);
  });

  it('has the roll by which the landmarks are rotated', () => {
    fc.assert(
      fc.property(anyLandmarks, anyAngle, (landmarks, by) => {
        const [before, after] = [poseOf(landmarks), poseOf(rotated(landmarks, by))];
        expect(angleBetween(after.roll, before.roll + by)).toBeCloseTo(0, 6);
        expect(after.yaw).toBeCloseTo(before.yaw, 6);
        expect(after.pitch).toBeCloseTo(before.pitch, 6);
      }),
    );
  });

  it('does not depend on where and how large the face is', () => {
    const anyShift = fc.double({ min: -1000, max: 1000, noNaN: true });
    fc.assert(
      fc.property(
        anyLandmarks,
        fc.double({ min: 1, max: 500, noNaN: true }),
        anyShift,
        anyShift,
        (landmarks, scale, dx, dy) => {
          const moved = landmarks.map(({ x, y }) => ({ x: scale * x + dx, y: scale * y + dy })) as unknown as Landmarks;
          const [before, after] = [poseOf(landmarks), poseOf(moved)];
          for (const angle of ['roll', 'yaw', 'pitch'] as const) expect(after[angle]).toBeCloseTo(before[angle], 4);
        },
      ),
    );
  });

  it('is mirrored with the face', () => {
    fc.assert(
      fc.property(anyLandmarks, (landmarks) => {
        const [a, b, c, d, e] = landmarks.map(({ x, y }) => ({ x: -x, y })) as unknown as Landmarks;
        const [before, after] = [poseOf(landmarks), poseOf([b, a, c, e, d])];
        expect(after.roll).toBeCloseTo(-before.roll, 6);
        expect(after.yaw).toBeCloseTo(-before.yaw, 6);
        expect(after.pitch).toBeCloseTo(before.pitch, 6);
      }),
    );
  });

  it('of the average head is exact where only one of yaw and pitch is not 0', () => {
    fc.assert(
      fc.property(anyTilt, anyAngle, (angle, roll) => {
        const turned = poseOf(headAt({ yaw: angle, roll }));
        expect(turned.yaw).toBeCloseTo(angle, 5);
        expect(angleBetween(turned.roll, roll)).toBeCloseTo(0, 5);
        const raised = poseOf(headAt({ pitch: angle, roll }));
        expect(raised.pitch).toBeCloseTo(angle, 5);
        expect(angleBetween(raised.roll, roll)).toBeCloseTo(0, 5);
      }),
    );
  });

  it('of the average head is at most 12 degrees off where yaw and pitch are up to 30', () => {
    const anySmallTilt = fc.double({ min: -30, max: 30, noNaN: true });
    fc.assert(
      fc.property(anySmallTilt, anySmallTilt, (yaw, pitch) => {
        const pose = poseOf(headAt({ yaw, pitch }));
        expect(Math.abs(pose.yaw - yaw)).toBeLessThan(12);
        expect(Math.abs(pose.pitch - pitch)).toBeLessThan(12);
        expect(Math.abs(pose.roll)).toBeLessThan(12);
      }),
    );
  });

  it('of a profile, whose eyes coincide, keeps the roll and has a yaw of 90 degrees', () => {
    const profile = rotated(headAt({ yaw: 90 }), 20);
    expect(poseOf(profile).roll).toBeCloseTo(20, 5);
    expect(poseOf(profile).yaw).toBeCloseTo(90, 5);
  });
});

function picture(size: number, valueAt: (x: number, y: number) => number): Raster {
  const data = Uint8Array.from({ length: 3 * size * size }, (_, at) => {
    const pixel = Math.floor(at / 3);
    return valueAt(pixel % size, Math.floor(pixel / size));
  });
  return { width: size, height: size, channels: 3, data };
}

describe('sharpness', () => {
  it('is 0 of one color and of a slope, which bend nowhere', () => {
    expect(sharpnessOf(picture(16, () => 80))).toBe(0);
    expect(sharpnessOf(picture(16, (x) => 10 * x))).toBeCloseTo(0, 6);
  });

  it('is the variance of the Laplacian', () => {
    // One pixel that is 100 brighter in 5 × 5: of the nine inner pixels it bends by −400 and its four neighbors by 100.
    const one = picture(5, (x, y) => (x === 2 && y === 2 ? 100 : 0));
    expect(sharpnessOf(one)).toBeCloseTo((400 ** 2 + 4 * 100 ** 2) / 9, 1);
  });

  it('falls with a mean over neighbors', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 256, maxLength: 256 }), (values) => {
        const at = (x: number, y: number) => values[Math.min(15, Math.max(0, y)) * 16 + Math.min(15, Math.max(0, x))]!;
        const blurred = picture(16, (x, y) => {
          const rows = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => at(x + dx, y + dy)));
          return rows.reduce((sum, value) => sum + value, 0) / 9;
        });
        // Rounding to whole values bends by up to 4 where there was nothing to blur.
        expect(sharpnessOf(blurred)).toBeLessThanOrEqual(sharpnessOf(picture(16, at)) + 16);
      }),
    );
  });
});

describe('brightness', () => {
  it('is 0 of black, 1 of white, and the share of luma in between', () => {
    expect(brightnessOf(picture(4, () => 0))).toBe(0);
    expect(brightnessOf(picture(4, () => 255))).toBeCloseTo(1, 6);
    expect(brightnessOf(picture(4, (x) => (x < 2 ? 0 : 255)))).toBeCloseTo(0.5, 6);
    const green = { width: 1, height: 1, channels: 3 as const, data: Uint8Array.of(0, 255, 0) };
    expect(brightnessOf(green)).toBeCloseTo(0.587, 6);
  });
});

describe('the borders that cut a face', () => {
  const PHOTO = { width: 200, height: 100 };

  it.each([
    ['none, well inside', { left: 10, top: 10, right: 60, bottom: 60 }, []],
    ['none, three pixels away', { left: 3, top: 3, right: 53, bottom: 53 }, []],
    ['those that it reaches', { left: 0, top: 40, right: 50, bottom: 100 }, ['left', 'bottom']],
    ['those that it nearly reaches', { left: 2.4, top: 0, right: 52.4, bottom: 50 }, ['left', 'top']],
    ['all, where it fills the frame', { left: 0, top: 0, right: 200, bottom: 100 }, ['left', 'top', 'right', 'bottom']],
  ])('are %s', (_, box, sides) => {
    expect(bordersCutting(box, PHOTO)).toEqual(sides);
  });
});
