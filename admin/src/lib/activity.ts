/** Time without keyboard or pointer events after which the user counts as idle. */
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

/** Whether the user is idle: requests of the page itself do not extend the session. */
export function isIdle(): boolean {
  return Date.now() - lastSeen > IDLE_AFTER_MS;
}
