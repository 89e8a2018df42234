// npm iii-sdk 0.2.1 hears logs; 0.9.0 and newer offer a function behind a URL, signed, and call it.
// Arguments: the engine's URL, the name of the worker and the URL. Prints lines of JSON.

import * as sdk from 'iii-sdk';

const [url, workerName, target] = process.argv.slice(2);
const tell = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
for (const level of ['log', 'info', 'debug']) console[level] = console.error;

if (sdk.registerWorker) {
  const iii = sdk.registerWorker(url, { workerName });
  const functionId = `${workerName}::outside`;
  const auth = { type: 'hmac', secret_key: 'OUTBOUND_KEY' };
  const invocation = { url: target, method: 'POST', auth, headers: { 'X-Own': 'yes' } };
  try {
    iii.registerFunction(functionId, invocation);
  } catch {
    iii.registerFunction({ id: functionId }, invocation); // up to 0.9.0
  }
  tell({ result: await iii.trigger({ function_id: functionId, payload: { n: 1 } }) });
} else {
  const iii = sdk.init(url, { workerName });
  iii.onLog((log) => {
    tell({ log: log.body, level: log.severity_text });
    iii.callVoid('engine::log::info', { message: 'heard it' });
  }, { level: 'all' });
  await iii.listFunctions();
  await iii.call('engine::log::warn', { message: 'a log of its own' });
}
