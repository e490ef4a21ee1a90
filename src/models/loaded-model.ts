/** The detector that this process runs. Also the injection token. */
export abstract class LoadedModel {
  abstract readonly name: string;
  abstract readonly path: string;
  abstract readonly sha256: string;
  abstract readonly license: string;
  /** Origin of the file */
  abstract readonly source: string;
}

/** The second detector, which verifies masked images; null: the first one does that too. */
export abstract class VerifyModel {
  abstract readonly model: LoadedModel | null;
}
