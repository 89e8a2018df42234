// A worker on npm iii-sdk 0.22.1: registerWorker(), trigger({ function_id, payload, action }).
// Arguments: the engine's URL and the name of the worker.

import { registerWorker, TriggerAction } from 'iii-sdk';
import { createStream } from 'iii-sdk/helpers';
import { steer } from './steering.mjs';

const [url, workerName] = process.argv.slice(2);
const token = process.env.III_TOKEN;
const headers = token ? { Authorization: `Bearer ${token}` } : undefined;
const iii = registerWorker(url, { workerName, headers });

steer({
  registerFunction: (id, handler) => iii.registerFunction(id, handler).unregister,
  registerTrigger: (trigger) => iii.registerTrigger(trigger).unregister,
  registerTriggerType: (kind, provider) => iii.registerTriggerType(kind, provider).unregister,
  call: (functionId, data, timeoutMs) =>
    iii.trigger({ function_id: functionId, payload: data, timeoutMs }),
  callVoid: (functionId, data) =>
    iii.trigger({ function_id: functionId, payload: data, action: TriggerAction.Void() }),
  enqueue: (functionId, data, queue) =>
    iii.trigger({
      function_id: functionId,
      payload: data,
      action: TriggerAction.Enqueue({ queue }),
    }),
  createStream: (name, store) => createStream(iii, name, store),
  listFunctions: async () => {
    const request = { function_id: 'engine::functions::list', payload: {} };
    const { functions } = await iii.trigger(request);
    return functions.map((one) => one.function_id);
  },
  listWorkers: async () => {
    const { workers } = await iii.trigger({ function_id: 'engine::workers::list', payload: {} });
    return workers.map((one) => one.name);
  },
});
