/** Events of every type, as they are journaled. */
import { type Draft, factDraft, type Origin } from "../../src/events/draft.ts";
import type { EventData, EventType } from "../../src/events/schema.ts";
import { proxCalls } from "../fixtures.ts";
import { asked } from "../prox/asked.ts";
import { closeProxy, closeUserConn, login, newProxy, newUserConn, ping } from "../sessions/ops.ts";
import { World } from "../sessions/world.ts";

const origin: Origin = { instance: "i_test", epoch: "019b76da-a800-7000-8000-000000000000" };
const span = { "sluice.logins": { first: 1, last: null } };
const revision = { from: "r1", to: "r2" };

/** Those that are about no op. */
const facts: { readonly [T in EventType]?: EventData<T> } = {
  "op.malformed": {
    protocol: "frp",
    node: "edge-1",
    reason: "not_json",
    length: 3,
    sha256: "ab",
    peer: "203.0.113.9",
    suppressed: 0,
  },
  "policy.changed": {
    key: "user:alice",
    before: null,
    after: { effect: "deny" },
    cause: "written",
    revision,
  },
  "policy.rejected": { key: "user:alice", problem: "not JSON", revision },
  "policy.emptied": { rulesKept: 3, revision },
  "bridge.started": {
    version: "0.1.0",
    previous: { epoch: origin.epoch, topics: span },
    policy: { source: "redis", available: true, rules: 1, revision: "r1" },
    kafka: true,
    topics: span,
  },
  "bridge.stopped": { reason: "SIGTERM", topics: span },
  "bridge.gap": {
    epoch: origin.epoch,
    cause: "journal_full",
    journalseq: { first: 1, last: 2 },
    topics: span,
    count: 2,
  },
  "bridge.progress": { journalseq: 7, topics: span },
};

/** One event of each type at least, as it is journaled; the same at each call. */
export function published(): string[] {
  const world = new World();
  for (const effect of ["refused", "allowed"] as const) {
    world.ask(login(), effect);
    world.ask(newProxy(), effect);
    world.ask(ping(), effect);
    world.ask({ ...ping(), name: "NewWorkConn" }, effect);
    world.ask(newUserConn(), effect);
  }
  world.ask({ ...ping(), name: "Later", known: false, content: { deep: { token: "s3cret" } } });
  world.ask(closeUserConn());
  world.ask(closeProxy());
  for (const op of proxCalls.map(({ hook, payload }) => asked(hook, payload))) {
    for (const effect of ["refused", "allowed"] as const) world.ask(op, effect);
  }
  const drafts = (Object.entries(facts) as [EventType, never][]).map(([type, data], at): Draft => {
    const id = `019b76da-a800-7000-8000-${String(at + 1).padStart(12, "0")}`;
    const about = { id, source: "/bridge/i_test", key: "i_test", atMs: world.clock.now() };
    return factDraft(type, about, origin, () => data);
  });
  const stamp = { sequence: 1, journalseq: 1 };
  return [...world.journal, ...drafts.map((draft) => draft.render(stamp))];
}
