import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attributesOf, type CollectedSpan, type Collector, drawTrace, startCollector } from './fixtures/collector.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import { openTestBucket, s3Environment } from './fixtures/s3-server.ts';
import { startTcpProxy } from './fixtures/tcp-proxy.ts';
import { createTestDatabase } from './fixtures/test-database.ts';
import { type Environment, send, type ServiceProcess, startServiceProcess, until } from './support/service.ts';

const photo = await encode(portrait({ faceHeight: 150, width: 400, height: 480 }), 'jpeg');

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER_SPAN = '00f067aa0ba902b7';

let collector: Collector;
let folder: string;

beforeAll(async () => {
  collector = await startCollector();
  folder = await makeDataFolder('traced');
});
afterAll(async () => {
  await collector.close();
  await rm(folder, { recursive: true });
});

const start = (environment: Environment = {}) =>
  startServiceProcess({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    FACE_API_LOG_LEVEL: 'info',
    FACE_API_LOG_FORMAT: 'json',
    ...environment,
  });

const ofTrace = (traceId: string) => collector.spans.filter((span) => span.traceId === traceId);

async function waitFor(name: string, traceId: string): Promise<CollectedSpan> {
  return until(() => ofTrace(traceId).find((span) => span.name === name));
}

const startOf = (span: CollectedSpan) => BigInt(span.startTimeUnixNano);
const endOf = (span: CollectedSpan) => BigInt(span.endTimeUnixNano);

describe('a mask request with storage on', () => {
  let service: ServiceProcess;
  let spans: CollectedSpan[];
  const named = (name: string) => spans.find((span) => span.name === name)!;

  beforeAll(async () => {
    service = await start({ FACE_API_STORAGE_ENABLED: 'true', FACE_API_DATA_FOLDER: folder });
    const response = await send(service.url, 'mask', photo, {
      way: 'multipart',
      headers: { traceparent: `00-${TRACE_ID}-${CALLER_SPAN}-01`, 'x-request-id': 'traced-request' },
      fileName: 'secret-name.jpg',
    });
    expect(response.status).toBe(200);
    await response.arrayBuffer();
    await waitFor('persist', TRACE_ID);
    await waitFor('POST /api/v1/mask', TRACE_ID);
    spans = ofTrace(TRACE_ID);
    console.log(drawTrace(spans, CALLER_SPAN));
  });
  afterAll(() => service.stop());

  it('is one trace, within the caller’s: upload, queue, stages, spool, and storing after it', () => {
    const request = named('POST /api/v1/mask');
    expect(request.parentSpanId).toBe(CALLER_SPAN);
    const children = spans
      .filter(({ parentSpanId }) => parentSpanId === request.spanId)
      .sort((one, other) => Number(startOf(one) - startOf(other)));
    expect(children.map(({ name }) => name)).toEqual([
      'upload',
      'queue',
      'header',
      'decode',
      'detect',
      'mask',
      'encode',
      'spool',
      'persist',
    ]);
    const detect = spans.filter(({ parentSpanId }) => parentSpanId === named('detect').spanId);
    expect(detect.map(({ name }) => name)).toEqual(expect.arrayContaining(['resize', 'tensor', 'inference', 'select']));
    expect(spans).toHaveLength(1 + children.length + detect.length);
  });

  it('has each piece of work within the request, one after another, and storing alone beyond it', () => {
    const request = named('POST /api/v1/mask');
    const slack = 2_000_000n; // the threads' clocks are not one
    let before = startOf(request);
    for (const name of ['upload', 'queue', 'header', 'decode', 'detect', 'mask', 'encode', 'spool']) {
      expect(startOf(named(name)) + slack >= before, name).toBe(true);
      expect(endOf(named(name)) >= startOf(named(name)), name).toBe(true);
      expect(endOf(named(name)) <= endOf(request) + slack, name).toBe(true);
      before = endOf(named(name));
    }
    expect(startOf(named('persist')) + slack >= before).toBe(true);
  });

  it('says what was asked for and what came of it, and nothing of who is in the picture', () => {
    expect(attributesOf(named('POST /api/v1/mask'))).toMatchObject({
      'http.request.method': 'POST',
      'http.route': '/api/v1/mask',
      'http.response.status_code': 200,
      'url.path': '/api/v1/mask',
      'face_api.request_id': 'traced-request',
      'face_api.faces': 1,
      'face_api.image.width': 400,
      'face_api.image.height': 480,
      'face_api.image.format': 'jpeg',
    });
    expect(attributesOf(named('persist'))['face_api.job_id']).toBe(
      attributesOf(named('POST /api/v1/mask'))['face_api.job_id'],
    );
    expect(JSON.stringify(spans)).not.toContain('secret-name');
  });

  it('is found in the log by its trace', async () => {
    const line = await until(() =>
      service
        .output()
        .split('\n')
        .find((text) => text.includes('traced-request') && text.includes('"status":200')),
    );
    expect(JSON.parse(line)).toMatchObject({ trace_id: TRACE_ID, span_id: named('POST /api/v1/mask').spanId });
  });
});

describe('a trace', () => {
  it('says that a request failed, and with what status', async () => {
    const service = await start();
    try {
      const trace = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1';
      await send(service.url, 'detect', Buffer.from('no image'), {
        headers: { traceparent: `00-${trace}-${CALLER_SPAN}-01` },
      });
      const span = await waitFor('POST /api/v1/detect', trace);
      expect(attributesOf(span)['http.response.status_code']).toBe(415);
      expect(span.status.code ?? 0, 'the caller’s mistake is no error of the service').toBe(0);
    } finally {
      await service.stop();
    }
  });

  it('is begun by the service where the caller has none, and not at all where the caller does not want one', async () => {
    const service = await start();
    try {
      const before = collector.spans.length;
      await send(service.url, 'detect', photo, { headers: { traceparent: `00-${TRACE_ID}-${CALLER_SPAN}-00` } });
      await send(service.url, 'detect', photo, { headers: { traceparent: 'nonsense' } });
      const own = await until(() => collector.spans.slice(before).find(({ name }) => name === 'POST /api/v1/detect'));
      expect(own.traceId).not.toBe(TRACE_ID);
      expect(own.parentSpanId ?? '').toBe('');
      expect(collector.spans.slice(before).filter(({ traceId }) => traceId === TRACE_ID)).toEqual([]);
    } finally {
      await service.stop();
    }
  });

  it('of health checks and scrapes is not made', async () => {
    const service = await start();
    try {
      const before = collector.spans.length;
      for (const path of ['/health/live', '/health/ready', '/metrics']) await (await fetch(service.url + path)).text();
      await send(service.url, 'detect', photo);
      await until(() => collector.spans.slice(before).some(({ name }) => name === 'POST /api/v1/detect'));
      expect(collector.spans.slice(before).filter(({ name }) => /health|metrics/.test(name))).toEqual([]);
    } finally {
      await service.stop();
    }
  });

  it('is sent before the service stops', async () => {
    const service = await start();
    const before = collector.spans.length;
    await (await send(service.url, 'detect', photo)).text();
    service.child.kill('SIGTERM');
    expect(await service.ended).toEqual([0, null]);
    expect(collector.spans.slice(before).map(({ name }) => name)).toContain('POST /api/v1/detect');
  });

  it('goes to the collector with the headers that it wants', async () => {
    const service = await start({ OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc, x-team=faces' });
    try {
      const before = collector.batches.length;
      await send(service.url, 'detect', photo);
      const { headers } = await until(() => collector.batches[before]);
      expect(headers).toMatchObject({ authorization: 'Bearer abc', 'x-team': 'faces' });
    } finally {
      await service.stop();
    }
  });
});

describe('a job that could not be stored before its service was killed', () => {
  it('is stored by the next one, within the trace of its request', async () => {
    const database = await createTestDatabase();
    const url = new URL(database.url);
    const port = Number(url.port);
    const proxy = await startTcpProxy(port);
    url.host = `127.0.0.1:${proxy.port}`;
    const kept = await mkdtemp(join(tmpdir(), 'face-api-traced-'));
    const environment = {
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: kept,
      DATABASE_URL: url.href,
    };
    const trace = 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb2';
    const first = await start(environment);
    proxy.target = undefined;
    await (await send(first.url, 'mask', photo, { headers: { traceparent: `00-${trace}-${CALLER_SPAN}-01` } })).text();
    const failed = await waitFor('persist', trace);
    expect(failed.status.code).toBe(2);
    const request = await waitFor('POST /api/v1/mask', trace);
    await first.stop();
    proxy.target = port;
    const second = await start(environment);
    try {
      const stored = await until(() =>
        ofTrace(trace).find(({ name, status }) => name === 'persist' && (status.code ?? 0) === 0),
      );
      expect(stored.parentSpanId).toBe(request.spanId);
    } finally {
      await second.stop();
      await proxy.close();
      await database.close();
      await rm(kept, { recursive: true });
    }
  });
});

describe('a batch', () => {
  it('has a trace for each item, in the worker that processes it, linked to the request that sent it', async () => {
    const database = await createTestDatabase();
    const bucket = await openTestBucket();
    const environment = (name: string) => ({
      FACE_API_ROLE: name,
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: join(folder, name),
      DATABASE_URL: database.url,
      ...s3Environment(bucket.settings),
    });
    const api = await start(environment('api'));
    const worker = await start(environment('worker'));
    const post = async (trace: string, flags: string) => {
      const form = new FormData();
      form.append('kind', 'mask');
      for (const name of ['secret-one.jpg', 'secret-two.jpg'])
        form.append('file', new Blob([Uint8Array.from(photo)]), name);
      const headers = { traceparent: `00-${trace}-${CALLER_SPAN}-${flags}` };
      const response = await fetch(`${api.url}/api/v1/jobs`, { method: 'POST', body: form, headers });
      expect(response.status).toBe(202);
      return ((await response.json()) as { id: string }).id;
    };
    try {
      const unwanted = await post('ccccccccccccccccccccccccccccccc3', '00');
      const trace = 'ddddddddddddddddddddddddddddddd4';
      const id = await post(trace, '01');
      const request = await waitFor('POST /api/v1/jobs', trace);
      const itemsOf = (batch: string) =>
        collector.spans.filter(
          (span) => span.name === 'batch item' && attributesOf(span)['face_api.batch_id'] === batch,
        );
      const items = await until(() => itemsOf(id).length === 2 && itemsOf(id), 60_000);
      expect(items.map((item) => attributesOf(item)['face_api.batch_position']).toSorted()).toEqual([0, 1]);
      for (const item of items) {
        expect(item.traceId).not.toBe(trace);
        expect(item.links).toMatchObject([{ traceId: trace, spanId: request.spanId }]);
        const parts = await until(() => {
          const found = ofTrace(item.traceId).filter(({ parentSpanId }) => parentSpanId === item.spanId);
          return found.some(({ name }) => name === 'put') && found;
        });
        expect(parts.map(({ name }) => name)).toEqual(
          expect.arrayContaining(['read', 'queue', 'decode', 'detect', 'mask', 'encode', 'put']),
        );
      }
      expect(itemsOf(unwanted)).toEqual([]);
      expect(JSON.stringify(collector.spans)).not.toContain('secret-');
    } finally {
      await api.stop();
      await worker.stop();
      await bucket.close();
      await database.close();
    }
  });
});

describe('without a collector', () => {
  it('that answers, requests are answered all the same, and it is logged once', async () => {
    const service = await start({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
      OTEL_EXPORTER_OTLP_TIMEOUT: '300',
    });
    try {
      for (let i = 0; i < 5; i++) expect((await send(service.url, 'detect', photo)).status).toBe(200);
      await until(() => service.output().includes('cannot be sent'));
      for (let i = 0; i < 5; i++) expect((await send(service.url, 'detect', photo)).status).toBe(200);
      expect(service.output().split('cannot be sent')).toHaveLength(2);
    } finally {
      await service.stop();
    }
  });

  it('configured, nothing is sent, nothing is logged of it, and OpenTelemetry’s SDK is not even loaded', async () => {
    const before = collector.batches.length;
    const service = await start({
      OTEL_EXPORTER_OTLP_ENDPOINT: '',
      NODE_DEBUG: 'esm,module',
      FACE_API_LOG_LEVEL: 'info',
    });
    try {
      await send(service.url, 'detect', photo);
      const isNamed = (name: string) => service.output().includes(name);
      expect({ fastify: isNamed('node_modules/fastify/'), otel: isNamed('@opentelemetry/sdk-trace') }).toEqual({
        fastify: true,
        otel: false,
      });
      expect(isNamed('trace_id')).toBe(false);
      expect(collector.batches).toHaveLength(before);
    } finally {
      await service.stop();
    }
  });
});
