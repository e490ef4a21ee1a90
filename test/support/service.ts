import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { expect } from 'vitest';
import { createApp } from '../../src/app.setup.ts';
import { readConfiguration } from '../../src/config/configuration.ts';
import { type Environment, QUIET, until } from './service-process.ts';
import { type Problem, PROBLEM_CONTENT_TYPE, problemSchema } from '../../src/errors/problem.ts';

/** The service as the end-to-end tests use it: the real thing on a free port, spoken to over real sockets. */

export { type ServiceProcess, spawnService, startServiceProcess, until } from './service-process.ts';
export type { Environment };

export interface Service {
  readonly url: string;
  readonly port: number;
  readonly app: NestFastifyApplication;
  readonly close: () => Promise<void>;
}

/** Starts the service in this process. */
export async function startService(environment: Environment = {}, consoleFolder?: string): Promise<Service> {
  const app = await createApp(readConfiguration({ ...QUIET, ...environment }), { consoleFolder });
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, app, close: () => app.close() };
}

export type Endpoint = 'detect' | 'mask';
export const WAYS = ['multipart', 'raw', 'json'] as const;
export type Way = (typeof WAYS)[number];

export interface Sending {
  readonly way?: Way;
  /** As form fields, query parameters or JSON members, as the way of sending has it. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** As query parameters, whatever the way of sending. */
  readonly query?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** The type that the sender claims. */
  readonly type?: string;
  readonly fileName?: string;
  readonly signal?: AbortSignal;
}

/** Sends an image as a client would. */
export function send(
  url: string,
  endpoint: Endpoint,
  image: Uint8Array,
  {
    way = 'raw',
    options = {},
    query = {},
    headers = {},
    type = 'image/jpeg',
    fileName = 'a.jpg',
    signal,
  }: Sending = {},
): Promise<Response> {
  const inQuery = asTexts({ ...query, ...(way === 'raw' ? options : {}) });
  const address = `${url}/api/v1/${endpoint}${inQuery.length > 0 ? `?${new URLSearchParams(inQuery).toString()}` : ''}`;
  const common = { method: 'POST', signal: signal ?? null };
  switch (way) {
    case 'multipart': {
      const form = new FormData();
      for (const [name, text] of asTexts(options)) form.append(name, text);
      form.append('file', new Blob([Uint8Array.from(image)], { type }), fileName);
      return fetch(address, { ...common, body: form, headers });
    }
    case 'raw':
      return fetch(address, {
        ...common,
        body: Uint8Array.from(image),
        headers: { 'content-type': type, ...headers },
      });
    case 'json':
      return fetch(address, {
        ...common,
        body: JSON.stringify({ image: Buffer.from(image).toString('base64'), ...options }),
        headers: { 'content-type': 'application/json', ...headers },
      });
  }
}

function asTexts(options: Readonly<Record<string, unknown>>): [string, string][] {
  return Object.entries(options).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
}

/** What would tell a caller about the inside: paths, stack frames (not times), names of source files, classes and libraries. */
const INTERNAL =
  /\/(?:src|dist|home|root|tmp|usr|node_modules)\b|\bat \S+ \(|(?<!T\d\d):\d+:\d+|\.[cm]?[jt]s\b|\b\w+Error\b|sharp|vips|onnx|piscina|fastify/i;

/** Checks that the answer is a well-formed problem of the given kind that gives nothing away. */
export async function expectProblem(response: Response, status: number, type: string): Promise<Problem> {
  const text = await response.text();
  expect({ status: response.status, text }).toMatchObject({ status });
  expect(response.headers.get('content-type')?.split(';')[0]).toBe(PROBLEM_CONTENT_TYPE);
  const problem = problemSchema.strict().parse(JSON.parse(text));
  expect(problem).toMatchObject({ status, type: `urn:face-api:problem:${type}` });
  expect(problem.request_id).toBe(response.headers.get('x-request-id'));
  expect(problem.detail.length).toBeGreaterThan(10);
  expect(text).not.toMatch(INTERNAL);
  return problem;
}

/** A client that speaks HTTP by hand: it sends what it wants when it wants. */
export class RawClient {
  readonly socket: Socket;
  #received = '';
  #closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1').on('data', (text: string) => {
      this.#received += text;
    });
    socket.on('close', () => {
      this.#closed = true;
    });
    // A connection that the service resets is seen as closed.
    socket.on('error', () => undefined);
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** Sends the head of a POST with an image that is announced and not yet sent. */
  sendHead(endpoint: Endpoint, contentLength: number, headers: Readonly<Record<string, string>> = {}): void {
    const lines = {
      host: 'localhost',
      'content-type': 'image/jpeg',
      'content-length': String(contentLength),
      ...headers,
    };
    const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
    this.socket.write(`POST /api/v1/${endpoint} HTTP/1.1\r\n${head.join('')}\r\n`);
  }

  get received(): string {
    return this.#received;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Waits for the first line of what comes back, such as `HTTP/1.1 503 Service Unavailable`. */
  statusLine(timeoutMs?: number): Promise<string> {
    return until(() => /^(HTTP\/1\.1 [^\r]*)\r\n/.exec(this.#received)?.[1], timeoutMs);
  }

  /** Waits for a whole answer whose length its head announces. */
  answer(timeoutMs?: number): Promise<{ head: string; body: string }> {
    return until(() => {
      const end = this.#received.indexOf('\r\n\r\n');
      if (end < 0) return undefined;
      const head = this.#received.slice(0, end);
      const body = this.#received.slice(end + 4);
      const length = Number(/^content-length: (\d+)/im.exec(head)?.[1]);
      return body.length >= length ? { head, body } : undefined;
    }, timeoutMs);
  }

  /** Breaks the connection off, as a client that crashes does. */
  hangUp(): void {
    this.socket.resetAndDestroy();
  }
}
