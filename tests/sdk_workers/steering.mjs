// Lets a test steer a worker program over stdin and stdout, one JSON object a line: the same
// commands, replies and events as steering.py describes.

import { createInterface } from 'node:readline';

const DESCRIBED = ['method', 'path', 'path_params', 'query_params', 'body', 'trigger', 'id', 'q'];

// stdout belongs to the test; what SDKs print with console.debug goes where logs go.
for (const level of ['log', 'info', 'debug']) {
  console[level] = console.error;
}

function tell(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

// Greet, exactly as the function of the spec does.
const greet = async (input) => {
  return { message: `Hello, ${input.name}!` };
};

// A store of one stream, as createStream takes it.
function memoryStream() {
  const groups = new Map();
  const group = (id) => {
    if (!groups.has(id)) groups.set(id, new Map());
    return groups.get(id);
  };
  return {
    get: async ({ group_id, item_id }) => group(group_id).get(item_id),
    set: async ({ group_id, item_id, data }) => {
      const old_value = group(group_id).get(item_id);
      group(group_id).set(item_id, data);
      return { old_value, new_value: data };
    },
    delete: async ({ group_id, item_id }) => {
      const old_value = group(group_id).get(item_id);
      group(group_id).delete(item_id);
      return { old_value };
    },
    list: async ({ group_id }) => [...group(group_id).values()],
    listGroups: async () => [...groups.keys()].sort(),
    update: async () => {
      throw new Error('not registered');
    },
  };
}

export class Steering {
  constructor(client) {
    this.client = client;
    this.undo = new Map();
    this.triggers = new Map();
    this.released = new Promise((resolve) => {
      this.release = resolve;
    });
    this.commands = {
      register_function: ({ function_id, behaviour }) => {
        const handler = this.handler(function_id, behaviour);
        this.undo.set(function_id, client.registerFunction(function_id, handler));
      },
      register_trigger: ({ key, trigger_type: type, function_id, config }) => {
        this.undo.set(key, client.registerTrigger({ type, function_id, config }));
      },
      register_trigger_type: ({ type_id, description }) => {
        const kind = { id: type_id, description };
        this.undo.set(type_id, client.registerTriggerType(kind, this.provider()));
      },
      undo: ({ key }) => {
        this.undo.get(key)();
        this.undo.delete(key);
      },
      call: ({ function_id, data, timeout_s = 20 }) =>
        client.call(function_id, data, timeout_s * 1000),
      call_void: ({ function_id, data }) => {
        client.callVoid(function_id, data);
      },
      enqueue: ({ function_id, data, queue }) => client.enqueue(function_id, data, queue),
      create_stream: ({ stream_name }) => {
        client.createStream(stream_name, memoryStream());
      },
      list_functions: () => client.listFunctions(),
      list_workers: () => client.listWorkers(),
      fire: ({ payload }) => {
        const targets = [...this.triggers.values()].map((trigger) => trigger.function_id);
        return Promise.all(targets.map((target) => client.call(target, payload, 20000)));
      },
      release: () => this.release(),
    };
  }

  run() {
    const lines = createInterface({ input: process.stdin });
    lines.on('line', (line) => this.answer(JSON.parse(line)));
    lines.on('close', () => process.exit(0));
    tell({ event: 'READY' });
  }

  async answer({ id, do: name, ...command }) {
    try {
      tell({ reply: id, value: (await this.commands[name](command)) ?? null });
    } catch (error) {
      const { code = 'Error', message = String(error) } = error;
      tell({ reply: id, error: { code, message } });
    }
  }

  provider() {
    return {
      registerTrigger: async (trigger) => {
        this.triggers.set(trigger.id, trigger);
        tell({ event: 'trigger_added', ...trigger });
      },
      unregisterTrigger: async ({ id }) => {
        this.triggers.delete(id);
        tell({ event: 'trigger_removed', id });
      },
    };
  }

  handler(function_id, behaviour) {
    const known = {
      greet,
      note: async (input) => {
        tell({ event: 'noted', function_id, input: input ?? null });
      },
      wait: async () => {
        tell({ event: 'started', function_id });
        await this.released;
        return { waited: true };
      },
      fail: async () => {
        throw new Error('no greeting today');
      },
      respond: async (input) => ({
        status_code: 201,
        headers: { 'x-greeting': 'yes' },
        body: { made: input.body },
      }),
      relay: async (input) => this.client.call(input.function_id, input.data, 20000),
      describe: async (input) =>
        Object.fromEntries(DESCRIBED.map((key) => [key, input[key] ?? null])),
    };
    return known[behaviour];
  }
}

export function steer(client) {
  new Steering(client).run();
}
