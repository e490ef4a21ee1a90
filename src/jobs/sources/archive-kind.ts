export type ArchiveKind = 'tar' | 'tar.gz' | 'zip';

const HEAD_BYTES = 512;

export interface Peeked {
  readonly kind: ArchiveKind;
  /** All of it, including what was looked at */
  readonly content: AsyncIterable<Buffer>;
}

/** Recognizes an archive by its first bytes: its name and type are up to the client. What is no tar is taken for a ZIP. */
export async function peekArchive(content: AsyncIterable<Buffer>): Promise<Peeked> {
  const chunks = content[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < HEAD_BYTES) {
    const { value, done } = (await chunks.next()) as IteratorResult<Buffer, undefined>;
    if (done) break;
    head = Buffer.concat([head, value]);
  }
  return { kind: kindOf(head), content: startingWith(head, chunks) };
}

/** RFC 1952, 2.3.1; POSIX.1-2001, ustar */
function kindOf(head: Buffer): ArchiveKind {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'tar.gz';
  return head.subarray(257, 262).toString('latin1') === 'ustar' ? 'tar' : 'zip';
}

async function* startingWith(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield head;
    yield* { [Symbol.asyncIterator]: () => rest };
  } finally {
    // Also if the reader stops before it asks for the rest
    await rest.return?.();
  }
}
