/** The recorded session of a real prox, sent again by whoever is put in the same place. */
import { readdirSync, readFileSync } from "node:fs";
import { createServer as createWeb } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { closeWithFile } from "./open.ts";
import { HOOKS, type Order } from "./prox-frame.ts";
import { startProxHost } from "./prox-host.ts";
import { frameOf, type PluginRun, type ProxFrame, startScriptedPlugin } from "./prox-plugin.ts";
import { bridged, proxes, type Start } from "./prox-setting.ts";
import { passUser, WebUser } from "./prox-user.ts";

const fixtures = new URL("../fixtures/prox/", import.meta.url);
const recorded = (file: string) => JSON.parse(readFileSync(new URL(file, fixtures), "utf8"));

interface Recorded {
  frameHex: string;
  replyHex: string | null;
}

const session: Recorded[] = recorded("session.all-hooks.json").frames;
const frames: ProxFrame[] = session.map(({ frameHex }) => frameOf(1, frameHex));

type Head = Record<string, string>;

/** What the upstream of the recorded session answered, and the names of every map in the order of its frame. */
const responses = frames
  .filter(({ hook }) => hook === "on_response")
  .map(({ payload }) => payload.resp as { s: number; h: Head });
const orders = frames.flatMap(({ hook, payload }) => {
  const { h, req, resp } = payload as { h?: Head; req?: { h: Head }; resp?: { h: Head } };
  if (hook === "on_request") return [Object.keys(h ?? {})];
  return hook === "on_response" ? [Object.keys(req?.h ?? {}), Object.keys(resp?.h ?? {})] : [];
});

/** Go goes through a map in no order; the recorded one is asked for, frame by frame. */
function asRecorded(): Order {
  const left = [...orders];
  return (entries) => {
    const names = left.shift() ?? [];
    return entries.toSorted((one, other) => names.indexOf(nameOf(one)) - names.indexOf(nameOf(other)));
  };
}

function nameOf(entry: unknown): string {
  return String((entry as [string, string])[0]);
}

/** Answers with what the recorded upstream sent: its status, its headers, and as many bytes. */
async function startRecordedUpstream(): Promise<string> {
  const left = [...responses];
  const server = createWeb((request, response) => {
    const { s, h } = left.shift() ?? { s: 500, h: {} };
    request.resume().on("end", () => {
      response.writeHead(s, Object.entries(h).flat());
      response.end("x".repeat(Number(h["Content-Length"])));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closeWithFile({
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Sends what led to a recorded frame; only on_request and on_connect are led to by somebody. */
async function ask({ hook, payload }: ProxFrame, web: WebUser, passPort: number): Promise<void> {
  if (hook === "on_connect") await (await passUser(passPort, String(payload.d))).first;
  if (hook !== "on_request") return;
  const { m, p, q, h, bd } = payload as { m: string; p: string; q?: string; h: Head; bd?: Buffer };
  const headers = Object.entries(h).flat();
  const again = "X-Many" in h ? ["X-Many", "second"] : [];
  const path = q ? `${p}?${q}` : p;
  await web.ask({ method: m, path, headers: [...headers, ...again], ...(bd ? { body: bd } : {}) });
}

/** A frame with the port and the duration of the recorded one, which alone differ by nature. */
function comparable(hex: string, like: string): string {
  const bytes = Buffer.from(hex, "hex");
  const [address, wanted] = [hex, like].map((text) => {
    const found = /127\.0\.0\.1:\d{5}/.exec(Buffer.from(text, "hex").toString("latin1"));
    return found ? { at: found.index, text: found[0] } : undefined;
  });
  if (address && wanted) bytes.write(wanted.text, address.at, "latin1");
  if (frameOf(1, hex).hook === "on_disconnect")
    Buffer.from(like, "hex").copy(bytes, bytes.length - 8, -8 + like.length / 2);
  return bytes.toString("hex");
}

/** Puts a prox where the recorded one was, and gives what its plugin got. */
async function replayed(start: Start): Promise<PluginRun> {
  const plugin = await startScriptedPlugin();
  plugin.answer = (_, run) => session[run.frames.length - 1]?.replyHex ?? undefined;
  const upstream = await startRecordedUpstream();
  const echo = createServer((socket) => socket.on("error", () => {}).pipe(socket));
  await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
  closeWithFile({ [Symbol.asyncDispose]: async () => void echo.close() });
  const { port } = echo.address() as AddressInfo;
  const prox = await start({ config: bridged(plugin.path, upstream, `127.0.0.1:${port}`) });
  const run = await plugin.run();
  await prox.readied();
  const web = new WebUser(prox.port("web"));
  for (const [index, frame] of frames.entries()) {
    await ask(frame, web, prox.port("gw"));
    await plugin.until(() => run.frames.length > index);
  }
  web.close();
  return run;
}

/** Addresses, durations and the choice among idle connections differ by nature. */
function withoutChance({ hook, payload }: ProxFrame): object {
  const { a, ms, req, ...rest } = payload as ProxFrame["payload"] & { req?: Head };
  const { a: _, ...asked } = req ?? {};
  return { hook, ...rest, address: typeof a, duration: typeof ms, asked };
}

it.each(proxes)("$name sends the recorded session, its maps in any order", async ({ start }) => {
  const run = await replayed(start);
  expect(run.frames.map(withoutChance)).toEqual(frames.map(withoutChance));
});

describe("what is shaped like prox", () => {
  it("sends the recorded session byte for byte, on one connection, but for ports and durations", async () => {
    const run = await replayed((options) => startProxHost({ ...options, order: asRecorded() }));
    const sent = run.frames.map(({ hex }, index) => comparable(hex, session[index]?.frameHex ?? ""));
    expect(sent).toEqual(session.map(({ frameHex }) => frameHex));
    expect(new Set(run.frames.map(({ conn }) => conn))).toEqual(new Set([1]));
  });

  it("has every recorded frame in that session", () => {
    const single = readdirSync(fixtures).filter((file) => file.startsWith("on_"));
    const inSession = new Set(session.map(({ frameHex }) => frameHex));
    expect(single.filter((file) => !inSession.has(recorded(file).frameHex))).toEqual([]);
    expect(single.length).toBeGreaterThan(0);
  });

  it("numbers the hooks as the recorded frames do", () => {
    const numbers = frames.map(({ hook, hex }) => [hook, Number.parseInt(hex.slice(16, 18), 16)]);
    for (const [hook, number] of numbers)
      expect(HOOKS.indexOf(hook as (typeof HOOKS)[number]) + 1).toBe(number);
  });
});
