import type { Size } from './geometry.ts';
import { type Candidate, decodeCandidates, type NetworkOutput } from './scrfd.ts';
import { BYTES_BGR, NORMALIZED_RGB, type PixelCoding } from './tensor.ts';
import { decodeYunet, YUNET_OUTPUTS } from './yunet.ts';

/** A family of networks: what is put in, and how to read what comes out. */
export interface NetworkKind {
  readonly coding: PixelCoding;
  /** Names of the outputs in the order in which they are decoded; null: the order of the file. */
  readonly outputNames: readonly string[] | null;
  /** @throws OutputShapeError */
  readonly decode: (outputs: readonly NetworkOutput[], canvas: Size, threshold: number) => Candidate[];
}

const SCRFD: NetworkKind = { coding: NORMALIZED_RGB, outputNames: null, decode: decodeCandidates };
const YUNET: NetworkKind = { coding: BYTES_BGR, outputNames: YUNET_OUTPUTS, decode: decodeYunet };

/** Told by the names of the outputs: files of SCRFD have any, those of YuNet always the same. */
export function kindOf(outputNames: readonly string[]): NetworkKind {
  return YUNET_OUTPUTS.every((name) => outputNames.includes(name)) ? YUNET : SCRFD;
}
