// A worker on npm iii-sdk 0.2.1: init(), call(), callVoid().
// Arguments: the engine's URL and the name of the worker.

import { init } from 'iii-sdk';
import { steer } from './steering.mjs';

const [url, workerName] = process.argv.slice(2);
const iii = init(url, { workerName });

steer({
  registerFunction: (id, handler) => iii.registerFunction({ id }, handler).unregister,
  registerTrigger: (trigger) => iii.registerTrigger(trigger).unregister,
  registerTriggerType: (kind, provider) => {
    iii.registerTriggerType(kind, provider);
    return () => iii.unregisterTriggerType(kind);
  },
  call: (functionId, data, timeoutMs) => iii.call(functionId, data, timeoutMs),
  callVoid: (functionId, data) => iii.callVoid(functionId, data),
  createStream: (name, store) => iii.createStream(name, store),
  listFunctions: async () => {
    const functions = await iii.listFunctions();
    return functions.map((one) => one.function_id);
  },
  listWorkers: async () => {
    const workers = await iii.listWorkers();
    return workers.map((one) => one.name);
  },
});
