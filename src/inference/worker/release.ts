/**
 * Frees the memory of pixels or a tensor at once. The garbage collector only runs after enough small objects have been
 * created: until then, an idle thread would hold its last image.
 */
export function release({ buffer }: Uint8Array | Float32Array): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
