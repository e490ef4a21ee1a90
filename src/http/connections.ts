import { STATUS_CODES, type IncomingMessage, type ServerOptions, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { v7 } from 'uuid';
import { DomainError } from '../errors/domain-error.ts';
import { PROBLEM_CONTENT_TYPE, toProblem } from '../errors/problem.ts';

/** The head of a request is short: whoever needs longer for it keeps a connection for nothing. */
const HEADERS_TIMEOUT_MS = 10_000;

/** What Node's server is told of connections. */
export const serverOptions: ServerOptions = {
  headersTimeout: HEADERS_TIMEOUT_MS,
  connectionsCheckingInterval: 1000,
  // registerHostCheck does, by a problem.
  requireHostHeader: false,
};

/** The answer that is given, or was last given, on each connection. */
const answers = new WeakMap<Socket, ServerResponse>();

/** Requests that Node would answer by itself, without a body, are answered with a problem. */
export function registerConnections(fastify: FastifyInstance): void {
  fastify.server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    answers.set(request.socket, response);
  });
  // An expectation that nobody knows may be passed over (RFC 9110, 10.1.1).
  fastify.server.on('checkExpectation', (request, response) => {
    fastify.server.emit('request', request, response);
  });
  fastify.addHook('onRequest', ({ raw }, _reply, done) => {
    const hosts = raw.headersDistinct['host']?.length ?? 0;
    const isRight = hosts === 1 || (hosts === 0 && raw.httpVersion === '1.0');
    done(isRight ? undefined : new DomainError('invalid_request', 'The request must have exactly one Host header'));
  });
}

/** Answers what is not HTTP as far as Node could read it: no request came of it, hence none is known to Fastify. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  const answer = answers.get(socket);
  const isBeingAnswered = answer?.headersSent === true && !answer.writableFinished;
  if (error.code !== 'ECONNRESET' && socket.writable && !isBeingAnswered) {
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
