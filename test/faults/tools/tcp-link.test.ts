import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startBridge } from "../../hosts/bridge.ts";
import { describeWith } from "../../hosts/describe-with.ts";
import { startRedis } from "../../hosts/redis.ts";
import { TcpLink } from "./tcp-link.ts";

/** A client's end of a connection and all that has come to it. */
class End {
  received = "";
  readonly socket: Socket;
  readonly closed: Promise<string>;
  readonly #came: (() => void)[] = [];

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    this.closed = new Promise((resolve) => {
      this.socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code!));
      this.socket.once("end", () => resolve("FIN"));
    });
    this.socket.on("data", (chunk) => {
      this.received += String(chunk);
      for (const look of this.#came) look();
    });
  }

  async has(text: string): Promise<void> {
    if (this.received.endsWith(text)) return;
    await new Promise<void>((resolve) => {
      this.#came.push(() => this.received.endsWith(text) && resolve());
    });
  }

  async echoes(text: string): Promise<void> {
    this.socket.write(text);
    await this.has(text);
  }
}

describe("a link before an echo", () => {
  let echo: Server;
  const accepted: Socket[] = [];
  beforeAll(async () => {
    echo = createServer((socket) => {
      accepted.push(socket);
      socket.on("error", () => {});
      socket.on("data", (chunk) => void socket.write(chunk));
    }).listen(0, "127.0.0.1");
    await once(echo, "listening");
  });
  beforeEach(() => void accepted.splice(0));
  afterAll(() => void echo.close());
  const open = () => TcpLink.open((echo.address() as AddressInfo).port);

  it("passes bytes and the end of either side", async () => {
    await using link = await open();
    const [one, other] = [new End(link.port), new End(link.port)];
    await one.echoes("hello");
    await other.echoes("hello");
    one.socket.end();
    expect(await one.closed).toBe("FIN");
    for (const socket of accepted) socket.resetAndDestroy();
    expect(await other.closed).toBe("ECONNRESET");
  });

  it("carries more than fits in any buffer, unchanged", async () => {
    await using link = await open();
    const end = new End(link.port);
    const text = Array.from({ length: 1_000_000 }, (_, at) => String(at)).join();
    await end.echoes(text);
    expect(end.received).toBe(text);
    end.socket.destroy();
  });

  it("resets every connection when cut, refuses new ones, and takes them again at the same port", async () => {
    await using link = await open();
    const { port } = link;
    const before = new End(port);
    await before.echoes("x");
    await link.cut();
    expect(await before.closed).toBe("ECONNRESET");
    expect(await new End(port).closed).toBe("ECONNREFUSED");
    await link.heal();
    const after = new End(port);
    await after.echoes("y");
    after.socket.destroy();
  });

  it("freezes the connections it is told to, and hides even their ends until healed", async () => {
    await using link = await open();
    const [frozen, free] = [new End(link.port), new End(link.port)];
    await frozen.echoes("the one");
    await free.echoes("the other");
    expect(link.freeze({ which: ({ sent }) => sent === "the one" })).toBe(1);

    frozen.socket.write("more");
    for (const socket of accepted.splice(0, 1)) socket.end("from the server");
    for (let turn = 0; turn < 20; turn++) await free.echoes(`turn ${turn}.`);
    expect(frozen.received).toBe("the one");
    expect(frozen.socket.readableEnded).toBe(false);

    await link.heal();
    expect(await frozen.closed).toBe("ECONNRESET");
    expect(frozen.received).toBe("the one");
    await free.echoes("still here");
    free.socket.destroy();
  });

  it("takes new connections while frozen, and passes nothing of those either if so told", async () => {
    await using link = await open();
    link.freeze();
    const passing = new End(link.port);
    await passing.echoes("passes");
    expect(link.freeze({ alsoNew: true })).toBe(1);
    const silent = new End(link.port);
    await once(silent.socket, "connect");
    silent.socket.write("hello?");
    await link.heal();
    expect(await silent.closed).toBe("ECONNRESET");
    expect(silent.received).toBe("");
    expect(accepted).toHaveLength(1);
    const after = new End(link.port);
    await after.echoes("z");
    after.socket.destroy();
  });

  it("freezes a new connection once it says what is looked for", async () => {
    await using link = await open();
    expect(link.freeze({ which: ({ sent }) => sent.includes("secret"), alsoNew: true })).toBe(0);
    const end = new End(link.port);
    await end.echoes("open ");
    end.socket.write("secret");
    const other = new End(link.port);
    for (let turn = 0; turn < 20; turn++) await other.echoes(`turn ${turn}.`);
    expect(link.freeze({ which: () => false })).toBe(1);
    await link.heal();
    expect(await end.closed).toBe("ECONNRESET");
    expect(end.received).toBe("open ");
    other.socket.destroy();
  });
});

describeWith(["redis"], "a link between a bridge and its Redis", () => {
  it.each([
    { which: "that asks for tracking", pattern: /CLIENT.*TRACKING/is },
    { which: "that is told of changes", pattern: /SUBSCRIBE.*__redis__:invalidate/is },
  ])("finds the one connection $which, and the bridge notices its silence", async ({ pattern }) => {
    await using redis = await startRedis();
    await using link = await TcpLink.open(redis.port);
    await using bridge = await startBridge({ "redis.url": `redis://127.0.0.1:${link.port}` });
    expect(link.freeze({ which: () => false })).toBe(0);
    expect(link.freeze({ which: ({ sent }) => pattern.test(sent) })).toBe(1);
    await bridge.log.saw(/no answer to PING within/);
    await link.heal();
  });
});
