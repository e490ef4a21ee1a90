import { asUnreachable, type Http } from './http.ts';

/**
 * Downloads a file. If the connection is closed on the way, requests the rest.
 * @returns the bytes; rejects if the first request fails
 */
export async function download(
  http: Http,
  path: string,
  signal: AbortSignal | undefined,
): Promise<ReadableStream<Uint8Array>> {
  const first = await http.send({ path, signal }, (response) => response);
  const etag = first.headers.get('etag');
  let reader = readerOf(first);
  let received = 0;
  let receivedAtCut = -1;

  async function resume(cause: unknown): Promise<void> {
    signal?.throwIfAborted();
    // A connection that brought nothing is not replaced: that would never end.
    if (!(cause instanceof TypeError) || etag === null || received === receivedAtCut) {
      throw asUnreachable(cause, first.url);
    }
    receivedAtCut = received;
    const headers = { range: `bytes=${received}-`, 'if-range': etag };
    const rest = await http.send({ path, headers, signal }, (response) => response);
    if (rest.status !== 206) {
      await rest.body?.cancel();
      throw new Error('The file changed during the download. Download it again');
    }
    reader = readerOf(rest);
  }

  async function read(): Promise<Uint8Array | undefined> {
    for (;;) {
      try {
        return (await reader.read()).value;
      } catch (error) {
        await resume(error);
      }
    }
  }

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const bytes = await read();
      if (bytes) {
        received += bytes.length;
        controller.enqueue(bytes);
      } else {
        controller.close();
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

function readerOf({ body }: Response): ReadableStreamDefaultReader<Uint8Array> {
  if (!body) throw new Error('The response has no body');
  return body.getReader();
}
