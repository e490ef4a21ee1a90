import { readJson, toProblem } from './problem.ts';

/**
 * Sends a form and reports how much of it has been sent, which `fetch` does not.
 * @returns the JSON of the response
 * @throws Problem, TypeError without a response, and an AbortError
 */
export function upload(
  url: string,
  form: FormData,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  onprogress: (sentBytes: number, totalBytes: number) => void,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => {
      onprogress(loaded, total);
    };
    request.onload = () => {
      const retryAfter = request.getResponseHeader('retry-after');
      const response = new Response(request.responseText, {
        status: request.status,
        headers: retryAfter === null ? {} : { 'retry-after': retryAfter },
      });
      readJson(response.clone()).then((body) => {
        if (response.ok) resolve(body);
        else reject(toProblem(response, body));
      }, reject);
    };
    request.onerror = () => {
      reject(new TypeError('No response'));
    };
    request.onabort = () => {
      reject(new DOMException('The upload was canceled', 'AbortError'));
    };
    signal.addEventListener('abort', () => {
      request.abort();
    });
    request.send(form);
  });
}
