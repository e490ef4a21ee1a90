import type { Configuration } from '../config/configuration.ts';
import { DomainError } from '../errors/domain-error.ts';
import type { MaskSettings } from '../inference/worker/messages.ts';
import type { Box } from '../vision/geometry.ts';
import { METADATA_GROUPS, type MetadataGroup } from '../vision/metadata/metadata.ts';
import type { MaskRequestOptions } from './schemas.ts';

/**
 * The caller's options, completed by the configured defaults.
 * @param keptFaces boxes of faces that stay visible
 * @throws DomainError invalid_option if they ask for metadata that the configuration does not permit
 */
export function toMaskSettings(
  options: MaskRequestOptions,
  defaults: Configuration['masking'],
  keptFaces: readonly Box[] = [],
): MaskSettings {
  return {
    plan: { shape: options.shape ?? defaults.shape, padding: options.padding ?? defaults.padding },
    margin: options.margin ?? defaults.margin,
    style: {
      method: options.method ?? defaults.method,
      color: parseColor(options.color ?? defaults.color),
      strength: options.strength ?? defaults.strength,
      mark: options.mark ?? defaults.mark,
    },
    // A caller who says from which score on a face is masked is taken at their word.
    reviewThreshold: options.review_threshold ?? options.threshold ?? defaults.reviewThreshold,
    regions: [
      ...(options.regions ?? []),
      // A detection searches the first frame only.
      ...keptFaces.map((box) => ({ ...box, keep: true, isFace: true, frame: 0 }) as const),
    ],
    format: options.format,
    quality: options.quality ?? defaults.quality,
    effort: options.effort ?? defaults.effort,
    // Where no faces are to be looked for, the default does not ask for it: an explicit verify is refused there.
    verify: options.detect === false ? false : (options.verify ?? defaults.verify),
    verifyThreshold: defaults.verifyThreshold,
    metadata: permittedMetadata(options.metadata ?? [], defaults.metadataAllow),
    digests: options.receipt ?? defaults.receipt,
  };
}

/** The settings by the names of the options. */
export function maskSettingsBody(settings: MaskSettings): Record<string, unknown> {
  const { style, plan } = settings;
  return {
    review_threshold: settings.reviewThreshold,
    method: style.method,
    color: `#${style.color.map((value) => value.toString(16).padStart(2, '0')).join('')}`,
    shape: plan.shape,
    padding: plan.padding,
    margin: settings.margin,
    strength: style.strength,
    mark: style.mark,
    format: settings.format,
    quality: settings.quality,
    effort: settings.effort,
    verify: settings.verify,
    metadata: settings.metadata.length > 0 ? settings.metadata : ['none'],
    receipt: settings.digests,
    regions: settings.regions.length > 0 ? settings.regions : undefined,
  };
}

/** Each once, in the same order whatever that of the request is. */
function permittedMetadata(
  asked: NonNullable<MaskRequestOptions['metadata']>,
  permitted: readonly MetadataGroup[],
): MetadataGroup[] {
  const groups = METADATA_GROUPS.filter((group) => asked.includes(group));
  const refused = groups.filter((group) => !permitted.includes(group));
  if (refused.length === 0) return groups;
  throw new DomainError(
    'invalid_option',
    `metadata: this service does not permit ${refused.join(', ')}. ${permitted.length > 0 ? `Permitted: ${permitted.join(', ')}` : 'Remove the option'}`,
  );
}

/** @param color `#rrggbb` or `rrggbb` */
function parseColor(color: string): [red: number, green: number, blue: number] {
  const value = parseInt(color.replace('#', ''), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}
