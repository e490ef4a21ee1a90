import type { FastifyReply } from 'fastify';
import Negotiator from 'negotiator';
import { encodeBase64 } from '../http/base64.ts';
import { detectionHeaders } from '../inference/detection-body.ts';
import type { Masking } from './masking.service.ts';
import type { MaskedBody } from './schemas.ts';

/** Clients take some 16 KB of headers in all; a receipt of several hundred boxes is left to the JSON. */
const MAX_HEADER_BYTES = 8192;
const JSON_TYPE = 'application/json; charset=utf-8';

/** The masked image, or JSON that holds it as base64, as `Accept` prefers; most of it is in the headers as well. */
export async function maskingReply(masking: Masking, accept: string | undefined, reply: FastifyReply): Promise<Buffer> {
  const { body, format, encoded } = masking;
  const { verification, metadata, receipt } = body;
  const imageType = `image/${format}`;
  const type = prefersJson(accept, imageType) ? JSON_TYPE : imageType;
  void reply.type(type).headers({
    ...detectionHeaders(body),
    'x-masked-count': body.masked_count,
    'x-uncertain-count': body.uncertain_count,
    'x-mask-assurance': body.assurance,
    ...(verification && {
      'x-mask-verified': `${verification.outcome}; rounds=${verification.rounds}; added=${verification.added_boxes.length}`,
    }),
    ...(metadata && {
      'x-metadata': Object.entries(metadata)
        .map(([group, outcome]) => `${group}=${outcome}`)
        .join(', '),
    }),
    ...(receipt && receipt.length <= MAX_HEADER_BYTES && { 'x-mask-receipt': receipt }),
    vary: 'accept',
  });
  return type === JSON_TYPE ? toJson(masking) : encoded;
}

/** The image is preferred where both are as welcome; whoever wants neither gets it too (RFC 9110, 12.5.1). */
function prefersJson(accept: string | undefined, imageType: string): boolean {
  const [best] = new Negotiator({ headers: { accept } }).mediaTypes(['image/*', imageType, JSON_TYPE]);
  return best === JSON_TYPE;
}

/** JSON.stringify would hold the process for as long as it takes to write all of the image: it is put in afterwards. */
async function toJson({ body, format, encoded }: Masking): Promise<Buffer> {
  const masked: MaskedBody = { ...body, output: { format, bytes: encoded.length, image: '' } };
  const end = '"}}';
  const begin = JSON.stringify(masked).slice(0, -end.length);
  return Buffer.concat([Buffer.from(begin), await encodeBase64(encoded), Buffer.from(end)]);
}
