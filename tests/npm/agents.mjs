// One conversation of openai-agents-js with a server, told on stdout as lines of JSON.
//
// Arguments: the server's URL, a key, and a file of PCM16 sound at 24 kHz. Every event that the client receives must
// match the client's own schemas; every error that it reports ends the process with 1.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from "@openai/agents-realtime";
import { z } from "zod";
// The client does not export its schemas, and reads an event that does not match them as one of an unknown type.
import { realtimeServerEventSchema } from "./node_modules/@openai/agents-realtime/dist/openaiRealtimeEvents.mjs";

const { positionals } = parseArgs({ allowPositionals: true });
const [url, apiKey, soundFile] = positionals;

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const fail = (why) => {
  say({ failed: why instanceof Error ? `${why.name}: ${why.message}` : JSON.stringify(why) });
  process.exit(1);
};
process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);

const getWeather = tool({
  name: "get_weather",
  description: "Tell the weather in a city.",
  parameters: z.object({ city: z.string() }),
  execute: ({ city }) => `It is sunny in ${city}.`,
});
const agent = new RealtimeAgent({ name: "practice", instructions: "Be brief.", tools: [getWeather] });
const transport = new OpenAIRealtimeWebSocket({ url });
const session = new RealtimeSession(agent, { transport, model: "gpt-realtime-2.1" });

const known = new Set(realtimeServerEventSchema.options.map((option) => option.shape.type.value));
let waiting = [];
let sound = 0;
transport.on("*", (event) => {
  if (event.type === "error") fail(event);
  const { error } = known.has(event.type) ? realtimeServerEventSchema.safeParse(event) : {};
  if (error) fail({ event, issues: error.issues });
  waiting = waiting.filter(({ type, resolve }) => event.type !== type || resolve(event));
});
session.on("error", fail);
session.on("audio", (event) => {
  sound += event.data.byteLength;
});
session.on("agent_tool_end", (_context, _agent, called, result) => say({ tool: called.name, result }));
const next = (type) => new Promise((resolve) => waiting.push({ type, resolve }));

const answerTo = async (name, act, responses = 1) => {
  sound = 0;
  await act();
  for (let left = responses; left > 0; left--) {
    const done = await next("response.done");
    if (done.response.status !== "completed") fail(done);
  }
  say({ turn: name, sound });
};

await session.connect({ apiKey });
await answerTo("typed", () => session.sendMessage("Hello!"));
await answerTo("tool", () => session.sendMessage("What is the weather in Paris?"), 2);
await answerTo("spoken", async () => {
  const pcm = readFileSync(soundFile);
  for (let at = 0; at < pcm.length; at += 4800) {
    session.sendAudio(Uint8Array.from(pcm.subarray(at, at + 4800)).buffer);
  }
});
say({
  history: session.history.map((item) => ({
    type: item.type,
    role: item.role,
    text: item.content?.map((part) => part.text ?? part.transcript).join(" "),
    output: item.output,
  })),
});
session.close();
process.exit(0);
