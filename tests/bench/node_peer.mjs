// openai-node beside ours: reads one round a line from standard input, answers each with the CPU that it took.
// Owns nothing but the SDK's client and the counting. Arguments: the folder with node_modules, the server's host:port/path.
// A round: {"work": "receive" | "append", "kind": "audio-4", "bytes": 960, "count": 2000, "socket": true}
import { once } from 'node:events';
import { createRequire } from 'node:module';
import net from 'node:net';
import readline from 'node:readline';

const [, , folder, address] = process.argv;
const require = createRequire(`${folder}/package.json`);
const { default: OpenAI } = require('openai');
const { OpenAIRealtimeWS } = require('openai/realtime/ws');

const client = new OpenAI({ apiKey: 'none', baseURL: `http://${address}` });
// The SDK speaks TLS only. The server does not, as in the other processes: the same socket without it.
const plain = ({ host, port }) => net.connect({ host, port });
const open = () => new OpenAIRealtimeWS({ model: 'm', options: { createConnection: plain } }, client);

const turn = () => new Promise((resolve) => setImmediate(resolve));
const connected = open();
await once(connected.socket, 'open');
// The SDK's own work, without a system call: frames are emitted as `ws` emits them, and go nowhere.
const unconnected = open();
await once(unconnected.socket, 'open');
unconnected.socket.send = () => {};

let finished = () => {};
for (const each of [connected, unconnected]) {
  each.on('response.output_audio.delta', ({ delta }) => {
    if (!Buffer.from(delta, 'base64').length) throw new Error('no sound');
  });
  each.on('response.output_text.delta', ({ delta }) => {
    if (!delta) throw new Error('no text');
  });
  each.on('error', (error) => {
    throw error;
  });
}
connected.on('response.done', () => finished());

async function receive({ kind, count, socket, frame }) {
  if (socket) {
    const done = new Promise((resolve) => (finished = resolve));
    connected.send({ type: 'response.create', response: { metadata: { kind, count: String(count) } } });
    await done;
    return;
  }
  const data = Buffer.from(frame);
  for (let number = 0; number < count; number += 1) unconnected.socket.emit('message', data, false);
}

async function append({ bytes, count, socket }) {
  const pcm = Buffer.alloc(bytes);
  for (let number = 0; number < count; number += 1) {
    const event = { type: 'input_audio_buffer.append', audio: pcm.toString('base64') };
    (socket ? connected : unconnected).send(event);
    // At the pace of a microphone each append travels alone; without this, Node would write many at once.
    if (socket) await turn();
  }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const round = JSON.parse(line);
  globalThis.gc();
  const before = process.cpuUsage();
  await (round.work === 'receive' ? receive(round) : append(round));
  const { user, system } = process.cpuUsage(before);
  console.log((user + system) / round.count);
}
process.exit(0);
