/**
 * Gives back what pixels or a tensor take, at once. The collector comes when the thread has made enough small objects:
 * until then an idle thread would hold its last picture.
 */
export function release({ buffer }: Uint8Array | Float32Array): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
