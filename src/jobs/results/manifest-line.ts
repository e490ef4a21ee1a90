import type { BatchItem } from '../batch-records.ts';

/** @param place where the masked image is, if there is one */
export function manifestLine(item: BatchItem, place: Readonly<Record<string, string | null>>): Buffer {
  const { position, name, state, inputSha256, result, outcome, error } = item;
  const line = {
    position,
    name,
    state,
    input_sha256: inputSha256,
    output: result && { ...place, format: result.type, bytes: result.bytes, sha256: result.sha256 },
    ...outcome,
    error: state === 'done' ? null : error,
  };
  return Buffer.from(`${JSON.stringify(line)}\n`);
}
