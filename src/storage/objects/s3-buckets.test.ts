import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { s3Settings } from '../../../test/fixtures/s3-server.ts';
import { S3Buckets } from './s3-buckets.ts';

it('puts without a condition after the service has rejected it', async () => {
  const conditions: (string | undefined)[] = [];
  // As Swift does
  const server = createServer((request, response) => {
    conditions.push(request.headers['if-none-match']);
    request.resume();
    if (request.headers['if-none-match'] === undefined) response.end();
    else response.writeHead(501).end('<Error><Code>NotImplemented</Code></Error>');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const buckets = new S3Buckets(s3Settings({ endpoint, accessKeyId: 'key', secretAccessKey: 'secret' }));
  const put = () => {
    const object = { body: Buffer.from('abc'), bytes: 3, contentType: 'image/jpeg', writer: 'test' };
    return buckets.put('photos', 'a.jpg', object, false);
  };
  expect(await put()).toBe(false);
  expect(await put()).toBe(true);
  expect(conditions).toEqual(['*', undefined]);
  buckets.close();
  server.closeAllConnections();
  server.close();
});
