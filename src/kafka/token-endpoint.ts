/** One question to an OAuth 2 token endpoint, over HTTPS, or HTTP on loopback. */
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { SluiceError, textOf } from "../errors.ts";
import { systemCa } from "../tls/client.ts";
import { readTlsFiles, type TlsFiles } from "../tls/files.ts";
import { tlsTrouble } from "../tls/trouble.ts";
import type { AskEndpoint, TokenAnswer } from "./token-source.ts";

const answerWithinMs = 10_000;
const mostBytes = 1024 * 1024;

/** @param tls kafka.tls, whose CA is trusted beside the system's */
export function tokenEndpoint(tls: TlsFiles | null): AskEndpoint {
  return async (url, headers, form) => {
    const own = tls?.ca === undefined ? null : readTlsFiles("kafka.tls", { ca: tls.ca }).ca!.toString();
    const ca = own === null ? systemCa() : [...systemCa(), own];
    try {
      return await post(url, { ...headers, "content-length": String(Buffer.byteLength(form)) }, form, ca);
    } catch (thrown) {
      const { code = "" } = thrown as NodeJS.ErrnoException;
      const where = `the token endpoint ${url} (kafka.sasl.tokenEndpoint)`;
      const trouble = tlsTrouble(code, textOf(thrown), "kafka.tls", "https:// or http://");
      if (trouble) throw new SluiceError("kafka_untrusted", `${where}: ${trouble.text}`);
      const text = `${where} does not answer: ${textOf(thrown)}`;
      throw new SluiceError("kafka_unavailable", text, { retryable: true });
    }
  };
}

function post(
  url: string,
  headers: Record<string, string>,
  form: string,
  ca: readonly string[],
): Promise<TokenAnswer> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(answerWithinMs);
    const options = { method: "POST", headers, agent: false as const, signal };
    const request = url.startsWith("https:")
      ? requestHttps(url, { ...options, ca: [...ca] })
      : requestHttp(url, options);
    request.on("error", reject);
    request.once("response", (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => {
        body += piece;
        if (body.length > mostBytes) request.destroy(new Error("its answer is too long"));
      });
      response.on("error", reject);
      response.once("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.end(form);
  });
}
