// A guest on npm iii-sdk 0.22.1: it says on stdout what became of its calls.
// Arguments: the URL of the listener, "headers" or "query", and the token. It ends with stdin.

import { registerWorker } from 'iii-sdk';

const [url, way, token] = process.argv.slice(2);
const address = way === 'query' ? `${url}?token=${token}` : url;
const headers = way === 'headers' ? { 'x-test-token': token } : undefined;
const iii = registerWorker(address, { workerName: 'guest', headers });

const tell = (what, value) => console.log(JSON.stringify({ what, value: value ?? null }));

const call = (function_id) =>
  iii.trigger({ function_id, payload: { name: 'Ada' } }).catch((error) => String(error));

iii.registerFunction('echo', async (data) => ({ echo: data.body.text }));
iii.registerFunction('secret', async () => ({ leaked: true }));
for (const functionId of ['public::hello', 'private::hello']) {
  tell(functionId, await call(functionId));
}
tell('READY');
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
