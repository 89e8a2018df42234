// A worker on an npm iii-sdk that has channels (0.9.0 and newer): the functions of
// channels_python.py. Arguments: the engine's URL and the name of the worker.

import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as sdk from 'iii-sdk';

for (const level of ['log', 'info', 'debug']) {
  console[level] = console.error;
}

const PIECE = Buffer.from(Uint8Array.from({ length: 65536 }, (_, i) => i % 256));
const PAUSE_EVERY = 1024 * 1024;

const [url, workerName] = process.argv.slice(2);
const iii = sdk.registerWorker(url, { workerName });
const http =
  sdk.http ??
  ((handler) => async ({ response, ...request }) => {
    const order = (value) => response.sendMessage(JSON.stringify(value));
    return handler(request, {
      status: (status_code) => order({ type: 'set_status', status_code }),
      headers: (headers) => order({ type: 'set_headers', headers }),
      stream: response.stream,
      close: () => response.close(),
    });
  });
const createChannel =
  iii.createChannel?.bind(iii) ??
  (await import('iii-sdk/helpers')).createChannel.bind(undefined, iii);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const number = ({ query_params }, key) => Number(query_params[key] ?? 0);

function* pieces(left) {
  while (left) {
    const piece = PIECE.subarray(0, left);
    yield piece;
    left -= piece.length;
  }
}

const functions = {
  size: http(async (req) => {
    let total = 0;
    const digest = createHash('sha256');
    const pauseMs = number(req, 'pause_ms');
    for await (const chunk of req.request_body.stream) {
      const before = total;
      total += chunk.length;
      digest.update(chunk);
      if (pauseMs && Math.floor(before / PAUSE_EVERY) !== Math.floor(total / PAUSE_EVERY)) {
        await sleep(pauseMs);
      }
    }
    return {
      status_code: 200,
      body: { size: total, sha256: digest.digest('hex'), body: req.body },
    };
  }),
  download: http(async (req, res) => {
    res.status(201);
    res.headers({ 'content-type': 'application/x-test' });
    await pipeline(Readable.from(pieces(number(req, 'bytes'))), res.stream);
  }),
  events: http(async (req, res) => {
    res.headers({ 'content-type': 'text/event-stream', connection: 'keep-alive' });
    for (let n = 0; n < 3; n += 1) {
      res.stream.write(`data: ${n}\n\n`);
      await sleep(50);
    }
    res.stream.end();
  }),
  late: http(async (req, res) => {
    res.status(202);
    res.stream.write('late');
    res.stream.end();
  }),
  void: http(async () => {}),
};

for (const [name, handler] of Object.entries(functions)) {
  const function_id = `${workerName}.${name}`;
  iii.registerFunction(iii.registerService ? { id: function_id } : function_id, handler);
  const http_method = name === 'size' ? 'POST' : 'GET';
  const config = { api_path: `${workerName}/${name}`, http_method };
  iii.registerTrigger({ type: 'http', function_id, config });
}

const register = (name, handler) => {
  const id = `${workerName}.${name}`;
  iii.registerFunction(iii.registerService ? { id } : id, handler);
};

register('total', async ({ numbers }) => {
  const texts = [];
  numbers.onMessage((text) => texts.push(text));
  const content = await numbers.readAll();
  return { sum: content.reduce((a, b) => a + b, 0), size: content.length, texts };
});
register('relay', async ({ query_params: { function_id } }) => {
  const { writer, readerRef } = await createChannel();
  const call = iii.trigger({ function_id, payload: { numbers: readerRef } });
  writer.sendMessage('text');
  const bytes = Buffer.alloc(300_000, Buffer.from([1, 2, 3]));
  await pipeline(Readable.from([bytes]), writer.stream);
  return call;
});

iii.registerTrigger({
  type: 'http',
  function_id: `${workerName}.relay`,
  config: { api_path: `${workerName}/relay`, http_method: 'GET' },
});

process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
process.stdout.write(`${JSON.stringify({ event: 'READY' })}\n`);
