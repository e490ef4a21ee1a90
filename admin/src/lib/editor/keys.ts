/** The keys of the editor, as its help shows them. */
export const KEYS: readonly { readonly keys: readonly string[]; readonly what: string }[] = [
  { keys: ['Tab'], what: 'Next face; with Shift, the one before' },
  { keys: ['Enter'], what: 'Make the face visible, or mask it again (also Space)' },
  { keys: ['↑ ↓ ← →'], what: 'Move by 1 pixel; with Shift, by 10' },
  { keys: ['Alt', '↑ ↓ ← →'], what: 'Move the right and the lower side; with Shift, by 10' },
  { keys: ['N'], what: 'New mask in the middle of the view' },
  { keys: ['Delete'], what: 'Remove the mask' },
  { keys: ['Ctrl', 'Z'], what: 'Undo; with Shift, redo' },
  { keys: ['Ctrl', 'S'], what: 'Save' },
  { keys: ['+', '−', '0'], what: 'Enlarge, shrink, show the whole image' },
  { keys: ['P'], what: 'Original, preview, served' },
  { keys: ['Space', 'drag'], what: 'Move the picture (also the middle button, or two fingers)' },
];

const STEPS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** How far an arrow key moves something, in pixels of the image; undefined: it is another key */
export function stepOf({
  key,
  shiftKey,
}: Pick<KeyboardEvent, 'key' | 'shiftKey'>): { x: number; y: number } | undefined {
  const step = STEPS[key];
  const length = shiftKey ? 10 : 1;
  return step && { x: step[0] * length, y: step[1] * length };
}

/** Keys belong to the field that is typed into, and to an open dialog. */
export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof Element &&
    target.closest('input:not([type=range], [type=checkbox], [type=radio]), select, textarea, dialog') !== null
  );
}
