/** After so long without a key or a pointer, nobody may be sitting there. */
const IDLE_AFTER_MS = 60_000;

let lastSeen = Date.now();

for (const event of ['pointerdown', 'pointermove', 'keydown', 'wheel']) {
  addEventListener(
    event,
    () => {
      lastSeen = Date.now();
    },
    { capture: true, passive: true },
  );
}

/** Whether what is asked now is asked by the page alone: such requests do not keep a session from its end. */
export function isIdle(): boolean {
  return Date.now() - lastSeen > IDLE_AFTER_MS;
}
