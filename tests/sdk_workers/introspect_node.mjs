// npm iii-sdk looks around, with its helpers or with the ids they stand for.
// Arguments: the engine's URL and the name of the worker. Prints one line of JSON.

import * as sdk from 'iii-sdk';

const [url, workerName] = process.argv.slice(2);
const iii = (sdk.registerWorker ?? sdk.init)(url, { workerName });
const functionId = `${workerName}.hello`;

const offer = () => {
  const hello = async () => 'hello';
  try {
    iii.registerFunction(functionId, hello);
  } catch {
    iii.registerFunction({ id: functionId }, hello); // up to 0.9.0
  }
  const config = { api_path: `${workerName}/hello`, http_method: 'GET' };
  iii.registerTrigger({ type: 'http', function_id: functionId, config });
};

const withHelpers = async () => {
  const told = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error('nobody was told')), 20000).unref();
    iii.onFunctionsAvailable((functions) => {
      const ids = functions.map((one) => one.function_id);
      if (ids.includes(functionId)) resolve(ids);
    });
  });
  await iii.listFunctions();
  offer();
  return {
    told: await told,
    functions: await iii.listFunctions(),
    workers: await iii.listWorkers(),
    triggers: await iii.listTriggers?.(),
    trigger_types: await iii.listTriggerTypes?.(),
  };
};

const ask = (id, payload) => iii.trigger({ function_id: id, payload });

const withIds = async () => {
  offer();
  const config = { api_path: `${workerName}/durable`, http_method: 'GET' };
  const id = `${workerName}.durable`;
  const durable = { id, trigger_type: 'http', function_id: functionId, config };
  const made = await ask('engine::register_trigger', durable);
  const triggers = await ask('engine::registered-triggers::list', {});
  return {
    functions: (await ask('engine::functions::list', {})).functions,
    function: await ask('engine::functions::info', { function_id: functionId }),
    workers: (await ask('engine::workers::list', {})).workers,
    worker: await ask('engine::workers::info', { name: workerName }),
    types: (await ask('engine::triggers::list', {})).triggers,
    type: await ask('engine::triggers::info', { id: 'http' }),
    triggers: triggers.registered_triggers,
    trigger: await ask('engine::registered-triggers::info', made),
    made,
  };
};

const found = await (iii.onFunctionsAvailable ? withHelpers() : withIds());
console.log(JSON.stringify(found));
process.stdin.on('end', () => process.exit(0)).resume();
