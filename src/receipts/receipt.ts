import { hash, type KeyObject } from 'node:crypto';
import {
  compactVerify,
  CompactSign,
  decodeProtectedHeader,
  errors,
  exportJWK,
  type JWK,
  calculateJwkThumbprint,
} from 'jose';
import { z } from 'zod';

const lookSchema = z.object({ detector: z.string(), size: z.number(), turn: z.number(), runs: z.number() });

/** The content of a receipt: the claims of a JSON Web Signature (RFC 7515). */
export const receiptSchema = z
  .object({
    receipt: z.literal(1).meta({ description: 'Version of the receipt format' }),
    jti: z.string().meta({ description: 'Request ID' }),
    iat: z.number().int().meta({ description: 'Time of issue, in seconds since 1970' }),
    input_sha256: z.string(),
    output_sha256: z.string(),
    output_format: z.string(),
    model: z.object({ name: z.string(), sha256: z.string() }),
    boxes: z.array(z.array(z.number())).meta({
      description: 'Masked boxes: left, top, right, bottom in pixels of the upright image, with margin and padding',
    }),
    uncertain_count: z
      .number()
      .int()
      .optional()
      .meta({ description: 'How many of the masked faces have a score below the threshold' }),
    search: z
      .object({
        smallest_face_px: z.number().meta({ description: 'Faces whose longer side is shorter may have been missed' }),
        looks: z.array(lookSchema),
        skipped_looks: z.array(lookSchema),
      })
      .nullable()
      .optional()
      .meta({ description: 'How the image was searched; null if it was not; receipts of earlier versions have none' }),
    method: z.string(),
    shape: z.string(),
    padding: z.number(),
    margin: z.number().optional().meta({ description: 'As in the request; receipts of earlier versions have none' }),
    strength: z.number(),
    mark: z
      .boolean()
      .optional()
      .meta({ description: 'Whether the masks have an outline; receipts of earlier versions do not say' }),
    metadata: z.record(z.string(), z.string()).optional().meta({
      description:
        'What came of the requested metadata, by its names: see MetadataOutcomes; empty: none was requested; receipts of earlier versions do not say',
    }),
    version: z
      .object({
        id: z.uuid(),
        previous_sha256: z.string().meta({ description: 'Digest of the version on which this one is based' }),
        author: z.string(),
        reason: z.string(),
        note: z.string().nullable(),
        added: z.int().meta({ description: 'Number of masks that the version before does not have' }),
        removed: z.int().meta({ description: 'Number of masks of the version before that this one does not have' }),
      })
      .optional()
      .meta({ description: 'Only of a version that a person made' }),
    assurance: z.enum(['irreversible', 'reversible']),
    verification: z
      .object({
        outcome: z.enum(['clean', 'incomplete']),
        rounds: z.number().int(),
        added: z.number().int(),
        model: z.object({ name: z.string(), sha256: z.string() }),
      })
      .nullable(),
  })
  .meta({ id: 'Receipt' });
export type Receipt = z.infer<typeof receiptSchema>;

const ALGORITHM = 'EdDSA';
const TYPE = 'face-api-receipt+jws';

/** @param key an Ed25519 private key */
export async function signReceipt(receipt: Receipt, key: KeyObject, keyId: string): Promise<string> {
  return new CompactSign(new TextEncoder().encode(JSON.stringify(receipt)))
    .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: keyId })
    .sign(key);
}

export interface PublicKey extends JWK {
  readonly kid: string;
}

/** The public key as a JSON Web Key (RFC 8037), with its thumbprint as ID (RFC 7638). */
export async function publicJwk(key: KeyObject): Promise<PublicKey> {
  const jwk = await exportJWK(key);
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: ALGORITHM, use: 'sig' };
}

export interface ReceiptCheck {
  /** Whether the signature belongs to one of the keys. */
  readonly signed: boolean;
  /** Which image of the receipt it is. */
  readonly image: 'output' | 'input' | 'neither';
  readonly receipt: Receipt | null;
  readonly detail: string;
}

/** Verifies a receipt of an image; does not throw for invalid receipts. */
export async function checkReceipt(text: string, image: Uint8Array, keys: readonly PublicKey[]): Promise<ReceiptCheck> {
  const failed = (detail: string): ReceiptCheck => ({ signed: false, image: 'neither', receipt: null, detail });
  try {
    const { kid } = decodeProtectedHeader(text);
    const key = keys.find((candidate) => candidate.kid === kid);
    if (!key) return failed('The receipt is signed with another key');
    const { payload } = await compactVerify(text, key, { algorithms: [ALGORITHM] });
    const receipt = receiptSchema.parse(JSON.parse(new TextDecoder().decode(payload)));
    return { signed: true, receipt, ...compare(receipt, image) };
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed) return failed('The signature is not valid');
    return failed('The text is not a receipt');
  }
}

function compare(receipt: Receipt, image: Uint8Array): Pick<ReceiptCheck, 'image' | 'detail'> {
  const digest = hash('sha256', image);
  if (digest === receipt.output_sha256) {
    return { image: 'output', detail: 'The image matches the receipt' };
  }
  if (digest === receipt.input_sha256) {
    return { image: 'input', detail: 'The image is the original, not the masked image' };
  }
  return { image: 'neither', detail: 'The image does not match the receipt: it is another image, or was changed' };
}
