import type { MaskOptions } from './mask-options.ts';

export interface PlaygroundSettings {
  readonly mode: 'detect' | 'mask';
  readonly threshold: number;
  readonly reviewThreshold: number;
  readonly minFaceSize: number;
  readonly inputSize: string;
  readonly largeFaces: boolean;
  readonly recall: string;
  readonly mask: MaskOptions;
  readonly store: boolean;
}

/** Photo and settings of the playground, for when the operator comes back from another page. Gone after a reload. */
export const playgroundMemory: { file: File | undefined; settings: PlaygroundSettings | undefined } = {
  file: undefined,
  settings: undefined,
};
