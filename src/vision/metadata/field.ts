/** A value from a file: null if it is damaged or not permitted, undefined if the file has none. */
export type Field<Value> = Value | null | undefined;

/** The values of one group; of each, the first valid one counts. */
export class Fields {
  #isAnyRejected = false;

  first<Value>(...candidates: readonly Field<Value>[]): Value | undefined {
    const valid = candidates.find((candidate) => candidate !== null && candidate !== undefined);
    if (valid === undefined && candidates.includes(null)) this.#isAnyRejected = true;
    return valid ?? undefined;
  }

  reject(): void {
    this.#isAnyRejected = true;
  }

  get isAnyRejected(): boolean {
    return this.#isAnyRejected;
  }
}

/** Applies `check` to a value that is there. */
export function checked<Value, Result>(
  field: Field<Value>,
  check: (value: Value) => Result | null | undefined,
): Field<Result> {
  if (field === null) return null;
  return field === undefined ? undefined : check(field);
}

type Present<Values> = { [Name in keyof Values]?: Exclude<Values[Name], undefined> };

/** The members that have a value; undefined if none has. */
export function present<Values extends object>(values: Values): Present<Values> | undefined {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return given.length > 0 ? (Object.fromEntries(given) as Present<Values>) : undefined;
}
