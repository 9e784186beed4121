/** `sluice policy token`: a token for a client, and the hash of it for its rule. */
import { hash, randomBytes } from "node:crypto";
import { SluiceError } from "../../errors.ts";
import { print } from "./printing.ts";
import { fromStdin } from "./stdin.ts";
import { type PolicyOptions, settingsOf } from "./with-store.ts";

/** 256 bits: a hash of what can't be guessed needs no salt. */
const tokenBytes = 32;

export interface TokenOptions extends PolicyOptions {
  /** Only the hash of a token that comes on stdin. */
  readonly hash?: boolean;
}

export async function token(options: TokenOptions): Promise<void> {
  if (options.hash) {
    const given = (await fromStdin()).replace(/\r?\n$/, "");
    if (given === "") throw new SluiceError("policy_invalid", "no token on stdin");
    print([hashOf(given)]);
    return;
  }
  const { policy, redis } = settingsOf(options);
  const made = randomBytes(tokenBytes).toString("base64url");
  const rule = `{"tokens":["${hashOf(made)}"]}`;
  const meta = /^[A-Za-z0-9_-]+$/.test(policy.tokenMeta)
    ? policy.tokenMeta
    : JSON.stringify(policy.tokenMeta);
  print([
    `token: ${made}  (shown this once)`,
    `hash:  ${hashOf(made)}`,
    "",
    "In the client's frpc.toml:",
    `  metadatas.${meta} = "${made}"`,
    "In its rule, with NAME replaced by its user:",
    `  sluice policy set user:NAME '${rule}'`,
    ...(redis.url === undefined ? [] : [`  redis-cli SET ${redis.prefix}policy:user:NAME '${rule}'`]),
  ]);
}

function hashOf(text: string): string {
  return `sha256:${hash("sha256", text, "hex")}`;
}
