/** `clientFrom` and `visitorFrom`: networks that a client, or a visitor, must come from. */
import { z } from "zod";
import { contains, type Network, parseNetwork } from "../addresses.ts";
import { listOf } from "../written.ts";
import type { Condition } from "./condition.ts";

const network = z.string({ error: "must be addresses or CIDRs" }).transform((written, issues) => {
  const read = parseNetwork(written);
  if (read === null) issues.addIssue("must be addresses or CIDRs, such as 203.0.113.0/24");
  return read;
});

export const networksSchema = listOf(network, "addresses or CIDRs", 1000);

type Networks = readonly (Network | null)[];

export function clientFrom(networks: Networks): Condition {
  return from("clientFrom", ["Login"], networks, "client_address", "not from this address");
}

export function visitorFrom(networks: Networks): Condition {
  const ops = ["NewUserConn", "on_connect", "on_request", "on_response"];
  return from("visitorFrom", ops, networks, "visitor_address", "visitors may not come from this address");
}

/** Where there is no address (`pipe`), it is in none of the networks. */
function from(
  name: string,
  ops: readonly string[],
  networks: Networks,
  code: Condition["code"],
  reason: string,
): Condition {
  return {
    name,
    code,
    reason,
    ask(op) {
      if (!ops.includes(op.name)) return { result: "skip" };
      const ip = op.remote?.ip ?? null;
      if (ip === null) return { result: "fail", seen: "no address" };
      const inside = networks.some((network) => network !== null && contains(network, ip));
      return { result: inside ? "pass" : "fail", seen: ip };
    },
  };
}
