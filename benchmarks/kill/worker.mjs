// A worker on npm iii-sdk: node kill_worker.mjs URL FOLDER NAME NEWS FUNCTION... Each function is an
// HTTP trigger too; what is published is written down.

import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { registerWorker } from 'iii-sdk';

const [url, folder, name, news, ...functions] = process.argv.slice(2);
const iii = registerWorker(url, { workerName: name });

for (const functionId of functions) {
  iii.registerFunction(functionId, async ({ body }) => {
    await sleep(body.pause_s * 1000);
    return { n: body.n };
  });
  const config = { api_path: functionId.replace('.', '/'), http_method: 'POST' };
  iii.registerTrigger({ type: 'http', function_id: functionId, config });
}
iii.registerFunction(`heard.${name}`, async ({ n }) => {
  const file = openSync(`${folder}/heard ${name}.jsonl`, 'a');
  writeSync(file, `${n}\n`);
  fsyncSync(file);
  closeSync(file);
  return null;
});
iii.registerTrigger({ type: 'subscribe', function_id: `heard.${name}`, config: { topic: news } });
