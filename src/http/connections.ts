import { STATUS_CODES, type IncomingMessage, type ServerOptions, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { v7 } from 'uuid';
import { DomainError } from '../errors/domain-error.ts';
import { PROBLEM_CONTENT_TYPE, toProblem } from '../errors/problem.ts';

/** Headers are short: a client that needs longer for them only occupies a connection. */
const HEADERS_TIMEOUT_MS = 10_000;

/** Options of Node's HTTP server */
export const serverOptions: ServerOptions = {
  headersTimeout: HEADERS_TIMEOUT_MS,
  connectionsCheckingInterval: 1000,
  // registerConnections checks it and sends a problem.
  requireHostHeader: false,
};

/** The current or latest response on each connection */
const responses = new WeakMap<Socket, ServerResponse>();

/** Sends a problem where Node would send a response without a body. */
export function registerConnections(fastify: FastifyInstance): void {
  fastify.server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    responses.set(request.socket, response);
  });
  // An unknown expectation may be ignored (RFC 9110, 10.1.1).
  fastify.server.on('checkExpectation', (request, response) => {
    fastify.server.emit('request', request, response);
  });
  fastify.addHook('onRequest', ({ raw }, _reply, done) => {
    const hosts = raw.headersDistinct['host']?.length ?? 0;
    const isValid = hosts === 1 || (hosts === 0 && raw.httpVersion === '1.0');
    done(isValid ? undefined : new DomainError('invalid_request', 'The request must have exactly one Host header'));
  });
}

/** Responds to bytes that Node could not parse as HTTP: Fastify gets no request for them. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  const response = responses.get(socket);
  const isResponding = response?.headersSent === true && !response.writableFinished;
  if (error.code !== 'ECONNRESET' && socket.writable && !isResponding) {
    socket.write(httpMessage(toDomainError(error.code)));
  }
  socket.destroySoon();
}

function toDomainError(code: string | undefined): DomainError {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new DomainError('request_incomplete', 'The request did not arrive in full in time');
    case 'HPE_HEADER_OVERFLOW':
      return new DomainError(
        'header_too_large',
        'URL and headers are limited to 16 KB in total. Send options in the body',
      );
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new DomainError('invalid_request', 'The chunk extensions are too long');
    default:
      return new DomainError('invalid_request', 'The request is not valid HTTP/1.1');
  }
}

function httpMessage(error: DomainError): string {
  const requestId = v7();
  const body = JSON.stringify(toProblem(error, requestId));
  return [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ''}`,
    `content-type: ${PROBLEM_CONTENT_TYPE}; charset=utf-8`,
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    'connection: close',
    '',
    body,
  ].join('\r\n');
}
