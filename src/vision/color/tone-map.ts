/** Brightest light of an HDR picture that is told apart, relative to white: 1,000 candela per square meter. */
const PEAK = 1000 / 203;
/** Up to white, light is halved; from there on, a Bézier curve leads to the peak. */
const KNEE = { x: 1, y: 0.5 };
/** How far the middle control point lies towards the corner of the curve. */
const ROUNDNESS = 0.65;
const MIDDLE = {
  x: (1 - ROUNDNESS) * KNEE.x + (ROUNDNESS * KNEE.x) / KNEE.y,
  y: (1 - ROUNDNESS) * KNEE.y + ROUNDNESS,
};

/**
 * The factor that brings a pixel of an HDR picture to what a display shows, 0 to 1, by its brightest channel. This is the
 * reference white tone mapping operator that browsers use (SMPTE ST 2094-50).
 * @param brightest relative to white
 */
export function toneMapFactor(brightest: number): number {
  if (brightest <= KNEE.x) return KNEE.y / KNEE.x;
  if (brightest >= PEAK) return 1 / brightest;
  // Where on the curve x is `brightest`: a t² + 2 b t + c = 0.
  const a = KNEE.x - 2 * MIDDLE.x + PEAK;
  const b = MIDDLE.x - KNEE.x;
  const c = KNEE.x - brightest;
  const t = (Math.sqrt(b * b - a * c) - b) / a;
  return ((1 - t) ** 2 * KNEE.y + 2 * t * (1 - t) * MIDDLE.y + t * t) / brightest;
}
