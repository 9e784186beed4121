/** A rule that changes all the time, under load: what each op was decided by. */
import { isDeepStrictEqual } from "node:util";
import { Redis } from "ioredis";
import { expect, it } from "vitest";
import { RuleSet } from "../../src/policy/rule-set.ts";
import { startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { JournalEvents } from "../hosts/journal-events.ts";
import { sharedRedis } from "../hosts/shared.ts";
import { unique } from "../hosts/unique.ts";
import { randomFrom } from "../random.ts";
import { pingsOf } from "./call-mix.ts";
import { flipRule, flipValue } from "./flips.ts";
import { idOf, Load } from "./load.ts";

const count = Number(process.env.SLUICE_TEST_FLIPS ?? 1000);
const perSecond = 1000;
/** Mean pause of half of it: some flips are read alone, and some are overwritten before they are. */
const gapMs = 5;
/** Rules that stay, so that a revision is made of more than the one that changes. */
const steady: [string, string][] = [
  ["user:bob", "deny"],
  ["group:tenants", '{"proxies":{"ports":["6000-6100"]}}'],
];

/** Of the rule set after flip `n`. */
function revisionAfter(n: number): string {
  return new RuleSet([...steady, ["user:alice", flipValue(n).value]]).revision;
}

describeWith(["redis"], "a rule that is flipped all the time", () => {
  it(`decides each op by a state that was in force: ${count} flips at ${perSecond} ops a second`, {
    timeout: 30_000 + count * 20,
  }, async () => {
    const [url, prefix] = [await sharedRedis(), `${unique("flips")}:`];
    const key = `${prefix}policy:user:alice`;
    const redis = new Redis(url);
    for (const [name, value] of [...steady, ["user:alice", flipValue(0).value]] as [string, string][])
      await redis.set(`${prefix}policy:${name}`, value);
    redis.disconnect();
    const bridge = await startBridge({ "redis.url": url, "redis.prefix": prefix, "log.level": "warn" });
    await using journal = await JournalEvents.read(bridge.dataDir);
    const load = new Load({ url: bridge.url, perSecond, everyMs: 1, next: pingsOf("alice") });
    await load.more(perSecond / 10);
    const flips = await flipRule({ url, key, count, gapMs }, randomFrom(1));
    const revisions = Array.from({ length: count + 1 }, (_, n) => revisionAfter(n));
    await journal.saw(({ data }) => data.revision?.to === revisions.at(-1), "the last flip");
    await load.more(perSecond / 10);
    await load.stop();
    await bridge.stop();
    await journal.saw(({ type }) => type === "sluice.bridge.stopped", "bridge.stopped");
    const answered = new Map(load.answers.map((answer) => [idOf(answer.call), answer]));
    const numberOf = new Map(flips.map(({ value }, at) => [value, at + 1]));

    // In the order of the journal, each op is decided by the change before it and by no other.
    let inForce = 0;
    let ops = 0;
    const wrong: object[] = [];
    for (const event of journal.events) {
      const { type, id, data, policyrev } = event;
      if (type === "sluice.policy.changed") {
        const at = numberOf.get(data.after) ?? -1;
        // Of several flips that came at once only the last may be read, and never one before it.
        expect(at).toBeGreaterThan(inForce);
        expect(data).toMatchObject({ key: "user:alice", before: flipValue(inForce).value, cause: "written" });
        expect(data.revision).toEqual({ from: revisions[inForce], to: revisions[at] });
        inForce = at;
      } else if (type.startsWith("sluice.heartbeat.")) {
        ops += 1;
        const { refuses } = flipValue(inForce);
        const { effect, rule, reason } = data.decision;
        const { refused, atMs } = answered.get(id)!;
        const told = { policyrev, rule, effect, refused, reason };
        const right = {
          policyrev: revisions[inForce],
          rule: "user:alice",
          effect: refuses === null ? "allowed" : "refused",
          refused: refuses,
          reason: refuses ?? "allowed by rule",
        };
        // No answer obeys a flip before Redis was asked for it.
        const early = inForce > 0 && atMs <= flips[inForce - 1]!.sentMs;
        if (early || !isDeepStrictEqual(told, right)) wrong.push({ early, told, right });
      }
    }
    expect(wrong).toEqual([]);
    expect(inForce).toBe(count);
    expect(ops).toBe(load.answers.length);
    expect(load.unanswered).toEqual([]);
  });
});
