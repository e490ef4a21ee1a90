/**
 * Something is wrong with a model file, its source or the manifest.
 * The message is one line for the operator: what was found, and what to do.
 */
export class ModelError extends Error {
  override name = 'ModelError';
}
