/** States that can be undone and redone. */
export interface History<State> {
  readonly past: readonly State[];
  readonly present: State;
  readonly future: readonly State[];
  /** What made the present state; a further step of the same is undone together with it. */
  readonly step: string | null;
}

export const begun = <State>(present: State): History<State> => ({ past: [], present, future: [], step: null });

/** @param step name of a change in many steps, such as a move by the arrow keys; null: a change of its own */
export function changed<State>(
  { past, present, step: before }: History<State>,
  next: State,
  step: string | null = null,
): History<State> {
  const continues = step !== null && step === before;
  return { past: continues ? past : [...past, present], present: next, future: [], step };
}

export function undone<State>(history: History<State>): History<State> {
  const { past, present, future } = history;
  if (past.length === 0) return history;
  return { past: past.slice(0, -1), present: past.at(-1)!, future: [present, ...future], step: null };
}

export function redone<State>(history: History<State>): History<State> {
  const { past, present, future } = history;
  if (future.length === 0) return history;
  return { past: [...past, present], present: future[0]!, future: future.slice(1), step: null };
}
