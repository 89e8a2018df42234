// A subscriber on npm iii-sdk: node worker.mjs URL FOLDER TOPIC. It writes each number down.

import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { registerWorker } from 'iii-sdk';

const [url, folder, topic] = process.argv.slice(2);
const functionId = 'soak.node';
const iii = registerWorker(url, { workerName: 'soak-node' });

iii.registerFunction(functionId, async ({ n }) => {
  const file = openSync(`${folder}/${functionId}.jsonl`, 'a');
  writeSync(file, `${n}\n`);
  fsyncSync(file);
  closeSync(file);
  return null;
});
iii.registerTrigger({ type: 'queue', function_id: functionId, config: { topic } });
