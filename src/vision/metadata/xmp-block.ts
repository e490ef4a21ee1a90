import type { Credit, MetadataValues, Panorama } from './metadata.ts';
import { NAMESPACE, type Namespace } from './xmp-values.ts';

/** XMP with what EXIF has no tags for, or not in all scripts; null if there are no such values. */
export function xmpBlock({ credit, panorama }: MetadataValues): Uint8Array | null {
  const properties = [...(credit ? creditProperties(credit) : []), ...(panorama ? panoramaProperties(panorama) : [])];
  if (properties.length === 0) return null;
  const namespaces: Namespace[] = [
    ...(credit ? (['dc', 'photoshop'] as const) : []),
    ...(panorama ? (['GPano'] as const) : []),
  ];
  const declared = namespaces.map((prefix) => ` xmlns:${prefix}="${NAMESPACE[prefix]}"`).join('');
  return new TextEncoder().encode(
    [
      '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>',
      '<x:xmpmeta xmlns:x="adobe:ns:meta/">',
      '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">',
      `<rdf:Description rdf:about=""${declared}>`,
      ...properties,
      '</rdf:Description>',
      '</rdf:RDF>',
      '</x:xmpmeta>',
      '<?xpacket end="r"?>',
    ].join('\n'),
  );
}

function creditProperties({ creators, rights, credit }: Credit): string[] {
  return [
    ...(creators
      ? [
          property(
            'dc:creator',
            list(
              'Seq',
              creators.map((name) => `<rdf:li>${escape(name)}</rdf:li>`),
            ),
          ),
        ]
      : []),
    ...(rights === undefined
      ? []
      : [property('dc:rights', list('Alt', [`<rdf:li xml:lang="x-default">${escape(rights)}</rdf:li>`]))]),
    ...(credit === undefined ? [] : [property('photoshop:Credit', escape(credit))]),
  ];
}

function panoramaProperties({ projection, picture, full, left, top, angles }: Panorama): string[] {
  const numbers = {
    CroppedAreaImageWidthPixels: picture.width,
    CroppedAreaImageHeightPixels: picture.height,
    FullPanoWidthPixels: full.width,
    FullPanoHeightPixels: full.height,
    CroppedAreaLeftPixels: left,
    CroppedAreaTopPixels: top,
    ...angles,
  };
  return [
    property('GPano:ProjectionType', projection),
    property('GPano:UsePanoramaViewer', 'True'),
    ...Object.entries(numbers).map(([name, number]) => property(`GPano:${name}`, String(number))),
  ];
}

function property(name: string, content: string): string {
  return `<${name}>${content}</${name}>`;
}

function list(kind: 'Seq' | 'Alt', items: readonly string[]): string {
  return `<rdf:${kind}>${items.join('')}</rdf:${kind}>`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
