/** The detector that this process runs. Also the injection token. */
export abstract class LoadedModel {
  abstract readonly name: string;
  abstract readonly path: string;
  abstract readonly sha256: string;
  abstract readonly license: string;
  /** Origin of the file */
  abstract readonly source: string;
}

/** The second detector, which verifies masked images and searches besides the first at recall=max; null: there is none. */
export abstract class SecondModel {
  abstract readonly model: LoadedModel | null;
}
