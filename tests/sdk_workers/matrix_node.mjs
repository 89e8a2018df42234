// A worker of the SDK matrix on any npm iii-sdk: the commands of matrix_steering.py. What moved or
// went between versions is found by looking for it. Arguments: the engine's URL and the name of
// the worker.

import * as sdk from 'iii-sdk';
import { Steering } from './steering.mjs';

const [url, workerName] = process.argv.slice(2);
const connect = sdk.registerWorker ?? sdk.init;
const iii = connect(url, { workerName });
const helpers = await import('iii-sdk/helpers').catch(() => ({}));
// registerWorker came with calls by one object.
const takesRequests = Boolean(sdk.registerWorker);
const PIECE = Buffer.from(Uint8Array.from({ length: 131072 }, (_, i) => i % 256));

const createChannel = iii.createChannel?.bind(iii) ?? helpers.createChannel?.bind(undefined, iii);
const createStream = iii.createStream?.bind(iii) ?? helpers.createStream?.bind(undefined, iii);

// (message, handler) until 0.9.0, (id, handler, options) from 0.11.2 on.
const registerFunction = (id, handler) =>
  iii.registerFunction(iii.registerFunction.length === 3 ? id : { id }, handler);

const client = {
  registerFunction: (id, handler) => registerFunction(id, handler).unregister,
  registerTrigger: (trigger) => iii.registerTrigger(trigger).unregister,
  registerTriggerType: (kind, provider) => {
    iii.registerTriggerType(kind, provider);
    return () => iii.unregisterTriggerType(kind);
  },
  call: (functionId, data, timeoutMs) =>
    takesRequests
      ? iii.trigger({ function_id: functionId, payload: data, timeoutMs })
      : iii.call(functionId, data, timeoutMs),
  callVoid: (functionId, data) =>
    takesRequests
      ? iii.trigger({ function_id: functionId, payload: data, action: sdk.TriggerAction.Void() })
      : iii.callVoid(functionId, data),
  enqueue: (functionId, data, queue) =>
    iii.trigger({
      function_id: functionId,
      payload: data,
      action: sdk.TriggerAction.Enqueue({ queue }),
    }),
  createStream,
  listFunctions: async () => {
    const rows = iii.listFunctions
      ? await iii.listFunctions()
      : (await client.call('engine::functions::list', {}, 20000)).functions;
    return rows.map((one) => one.function_id);
  },
  listWorkers: async () => {
    const rows = iii.listWorkers
      ? await iii.listWorkers()
      : (await client.call('engine::workers::list', {}, 20000)).workers;
    return rows.map((one) => one.name);
  },
};

async function collect(data) {
  const reader = data.reader ?? data.request_body;
  const texts = [];
  reader.onMessage((text) => texts.push(text));
  const content = await reader.readAll();
  return { size: content.length, sum: content.reduce((sum, one) => sum + one, 0), texts };
}

class MatrixSteering extends Steering {
  constructor() {
    super(client);
    Object.assign(this.commands, {
      offers: () => ({
        channels: Boolean(createChannel),
        external: Boolean(sdk.registerWorker),
        create_stream: Boolean(createStream),
        enqueue: Boolean(sdk.TriggerAction),
        unregister_function: true,
        list_triggers: Boolean(iii.listTriggers),
        list_trigger_types: Boolean(iii.listTriggerTypes),
        watch_functions: Boolean(iii.onFunctionsAvailable),
      }),
      stream_to: async ({ function_id }) => {
        const { writer, readerRef } = await createChannel();
        writer.sendMessage('begin');
        writer.stream.end(PIECE);
        return client.call(function_id, { reader: readerRef }, 20000);
      },
      register_http_function: ({ function_id, url: target }) => {
        registerFunction(function_id, { url: target });
      },
      list_triggers: async () =>
        (await iii.listTriggers()).map((one) => [one.trigger_type, one.function_id]),
      list_trigger_types: async () => (await iii.listTriggerTypes()).map((one) => one.id),
      watch_functions: () => {
        iii.onFunctionsAvailable((functions) =>
          this.tell({ event: 'functions', ids: functions.map((one) => one.function_id) }),
        );
      },
    });
  }

  tell(message) {
    process.stdout.write(`${JSON.stringify(message)}\n`);
  }

  handler(functionId, behaviour) {
    return behaviour === 'collect' ? collect : super.handler(functionId, behaviour);
  }
}

new MatrixSteering().run();
