/** Tokens for SASL OAUTHBEARER: how long one is used, and what is said when none can be had. */
import { writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { SluiceError } from "../../src/errors.ts";
import { tokenEndpoint } from "../../src/kafka/token-endpoint.ts";
import { type AskEndpoint, TokenSource } from "../../src/kafka/token-source.ts";
import { FakeClock } from "../fake-clock.ts";
import { Authority } from "../hosts/certificates.ts";
import { temporaryFolder } from "../hosts/folder.ts";

const clientSecret = "s3cret-of-the-client";
const settings = { endpoint: "https://id.test/token", clientId: "a b", clientSecret, scope: null };
const away = new SluiceError("kafka_unavailable", "away", { retryable: true });

/** Gives token-1, token-2 and so on, as long as it is there. */
function rig(
  body: (count: number) => object = (count) => ({ access_token: `token-${count}`, expires_in: 300 }),
) {
  const clock = new FakeClock();
  const warnings: object[] = [];
  const log = { debug() {}, info() {}, error() {}, warn: (fields: object) => void warnings.push(fields) };
  const endpoint = { asked: 0, away: false };
  const ask: AskEndpoint = async () => {
    endpoint.asked += 1;
    if (endpoint.away) throw away;
    return { status: 200, body: JSON.stringify(body(endpoint.asked)) };
  };
  return { clock, warnings, endpoint, source: new TokenSource(settings, ask, clock, log) };
}

describe("a token", () => {
  it("is used until its last fifth, then fetched anew, once for all who ask at the same time", async () => {
    const { clock, endpoint, source } = rig();
    expect(await Promise.all([source.token(), source.token()])).toEqual(["token-1", "token-1"]);
    clock.advance(239_999);
    expect(await source.token()).toBe("token-1");
    clock.advance(1);
    expect(await Promise.all([source.token(), source.token()])).toEqual(["token-2", "token-2"]);
    expect(endpoint.asked).toBe(2);
  });

  it("that lasts shortly is fetched anew at half of its life", async () => {
    const { clock, source } = rig((count) => ({ access_token: `token-${count}`, expires_in: 20 }));
    await source.token();
    clock.advance(9_999);
    expect(await source.token()).toBe("token-1");
    clock.advance(1);
    expect(await source.token()).toBe("token-2");
  });

  it("says itself how long it lasts where the endpoint does not", async () => {
    const { clock, endpoint, source } = rig(() => {
      const claims = Buffer.from(JSON.stringify({ exp: Math.floor(clock.now() / 1000) + 1_000 }));
      return { access_token: `e30.${claims.toString("base64url")}.` };
    });
    await source.token();
    clock.advance(798_000);
    await source.token();
    expect(endpoint.asked).toBe(1);
    clock.advance(3_000);
    await source.token();
    expect(endpoint.asked).toBe(2);
  });

  it("is used to its end while the endpoint is away, which is said once, and not beyond", async () => {
    const { clock, endpoint, warnings, source } = rig();
    await source.token();
    endpoint.away = true;
    clock.advance(299_999);
    expect([await source.token(), await source.token()]).toEqual(["token-1", "token-1"]);
    expect(warnings).toEqual([{ problem: "away" }]);
    clock.advance(1);
    await expect(source.token()).rejects.toBe(away);
    endpoint.away = false;
    expect(await source.token()).toMatch(/^token-\d$/);
  });

  it.each([
    [
      400,
      '{"error":"invalid_scope"}',
      "kafka_denied",
      /answered 400 invalid_scope: see kafka\.sasl\.clientId/,
    ],
    [401, `{"error":"no ${clientSecret}"}`, "kafka_denied", /answered 401: see kafka\.sasl\.clientId/],
    [503, "<html>", "kafka_unavailable", /answered 503/],
    [200, "{}", "kafka_denied", /gave no access_token/],
    [200, '{"access_token":"a\\u0001b"}', "kafka_denied", /gave no access_token/],
  ])("is not to be had with answer %i %s", async (status, body, code, message) => {
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const source = new TokenSource(settings, async () => ({ status, body }), new FakeClock(), log);
    const error: SluiceError = await source.token().then(
      () => expect.fail("a token came"),
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(error.message).not.toContain(clientSecret);
  });

  it("of a file is read each time", async () => {
    const folder = await temporaryFolder("token");
    onTestFinished(() => folder.remove());
    const file = join(folder.path, "token");
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const source = new TokenSource({ file }, () => Promise.reject(away), new FakeClock(), log);
    await expect(source.token()).rejects.toMatchObject({
      message: expect.stringMatching(/tokenFile.*ENOENT/),
    });
    await writeFile(file, "first\n");
    expect(await source.token()).toBe("first");
    await writeFile(file, "second");
    expect(await source.token()).toBe("second");
    await writeFile(file, "two words");
    await expect(source.token()).rejects.toMatchObject({ code: "kafka_denied" });
  });
});

describe("a token endpoint", () => {
  it("is trusted by kafka.tls.ca, and by no other CA than the system's", async () => {
    const authority = new Authority();
    const folder = await temporaryFolder("endpoint");
    onTestFinished(() => folder.remove());
    const ca = join(folder.path, "ca.pem");
    await writeFile(ca, authority.cert);
    const server = createServer(authority.issue({ hosts: ["localhost"] }), (request, response) => {
      request.resume().once("end", () => response.end(`${request.method} ${request.headers.authorization}`));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const url = `https://localhost:${(server.address() as AddressInfo).port}/token`;
    const answer = await tokenEndpoint({ ca })(url, { authorization: "Basic x" }, "a=b");
    expect(answer).toEqual({ status: 200, body: "POST Basic x" });
    await expect(tokenEndpoint(null)(url, {}, "a=b")).rejects.toMatchObject({
      code: "kafka_untrusted",
      message: expect.stringMatching(/kafka\.sasl\.tokenEndpoint.*CA that is not trusted.*kafka\.tls\.ca/),
    });
  });
});
