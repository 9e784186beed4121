/** The whole path with events.pseudonyms: what is decided, and what is left on disk and on the topics of it. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Announcer } from "../../src/announcer.ts";
import { Bridge } from "../../src/bridge.ts";
import type { Decision } from "../../src/decision.ts";
import { toEcs, toFlat, toFlatSession, toOcsf } from "../../src/events/index.ts";
import { type RedactMode, redactor } from "../../src/events/redact.ts";
import { nodeFiles } from "../../src/journal/files.ts";
import { MalformedReports } from "../../src/malformed.ts";
import type { Op } from "../../src/op.ts";
import { canonicalAddress } from "../../src/policy/addresses.ts";
import type { PolicyNote } from "../../src/policy/policy.ts";
import { RuleSet } from "../../src/policy/rule-set.ts";
import { Requests } from "../../src/prox/requests.ts";
import { Pseudonyms } from "../../src/pseudonyms/pseudonyms.ts";
import { snapshotLines } from "../../src/sessions/snapshot.ts";
import { writeSnapshot } from "../../src/sessions/snapshot-file.ts";
import { anyEvent } from "../events/strict.ts";
import { makeDir, openJournal, readAll, recordsOf } from "../journal/harness.ts";
import { World } from "../sessions/world.ts";
import { type Marks, markedFrp, markedProx } from "./marked.ts";

const epoch = "019b76da-a800-7000-8000-000000000000";
const key = "key-of-the-tests-";
const json = JSON.stringify;

const word = fc.stringMatching(/^[a-z0-9._-]{0,6}$/).map((rest) => `zq${rest.replace(/\.+$/, "")}x`);
const v6 = fc
  .tuple(fc.nat(0xffff), fc.nat(0xffff))
  .map(([a, b]) => `2001:db8:5a5a:${a.toString(16)}:0:7:${b.toString(16)}:1`);
const v4 = fc.tuple(fc.nat(254), fc.nat(254)).map(([a, b]) => `100.99.${a}.${b}`);
const marks: fc.Arbitrary<Marks> = fc.record({
  user: word,
  other: word.map((name) => `${name}-other`),
  client: fc.oneof(v4, v6),
  visitor: fc.oneof(v4, v6),
});

/** Rules that name whoever is meant, in every way that a rule can. */
const rulesAbout = ({ user, other, client, visitor }: Marks): [string, string][] => [
  [`user:${user}`, json({ groups: ["staff"], proxies: { names: ["web"] }, limits: { loginsPerMinute: 2 } })],
  ["group:staff", json({ clientFrom: [`${client}`, "10.0.0.0/8"], visitorFrom: ["192.0.2.0/24"] })],
  [`user:${other}`, `deny ${other} from ${client} is out: ${visitor}.`],
  [
    `proxy:${user}.ssh`,
    json({ effect: "deny", reason: `${user} has moved to ${visitor}`, note: `ask ${other}` }),
  ],
  [`ip:${visitor}`, json({ effect: "deny", reason: `(${visitor}) is full`, enforce: false })],
  [
    `ip:${client}/20`,
    json({ limits: { connections: 3 }, set: { Login: { user: other, metas: { a: user } } } }),
  ],
  [`ban:${client}`, json({ by: "i_1", note: `the last: rule_deny by user:${user}` })],
  [`usr:${user}`, "allow"],
  [`ip:${client}/999`, "allow"],
  ["op:Ping", `deny not ${visitor}`],
  ["route:web:0", json({ effect: "deny", prox: { on_request: { status: 403, body: `bye ${visitor}` } } })],
];

const notesAbout = (rules: [string, string][]): PolicyNote[] =>
  rules.flatMap(([of, value]): PolicyNote[] => {
    const revision = { from: "r1", to: "r2" };
    const changed = { kind: "changed", key: of, cause: "written", by: "ops", revision } as const;
    return [
      { ...changed, before: null, after: value },
      { ...changed, before: value, after: null },
      { kind: "rejected", key: of, problem: `the key ${of} is not meant`, revision },
    ];
  });

interface Given {
  readonly marks: Marks;
  readonly redact: RedactMode;
  /** How many of the rules are in force. */
  readonly rules: number;
  readonly mode: "enforce" | "observe";
}

const given: fc.Arbitrary<Given> = fc.record({
  marks,
  redact: fc.constantFrom<RedactMode[]>("mask", "hmac", "off"),
  rules: fc.nat(11),
  mode: fc.constantFrom("enforce", "observe"),
});

/** An address that is not written in the one form that addresses have. */
const spelledOut: Given = {
  marks: { user: "zqx", other: "zqx-other", client: "100.99.0.0", visitor: "2001:db8:5a5a:0:0:7:0:1" },
  redact: "mask",
  rules: 0,
  mode: "enforce",
};

/** Users whose names redaction takes for those of secrets, where they name a field. */
const likeSecrets: Given = {
  ...spelledOut,
  marks: { ...spelledOut.marks, user: "zqmonkeyx", other: "zqauthx-other" },
};

async function run({ marks: marked, redact: mode, rules, mode: enforcing }: Given, isTold = true) {
  const dir = makeDir();
  const { journal, clock } = await openJournal(dir, { epoch });
  const pseudonyms = isTold ? new Pseudonyms(["user", "ip"], key, mode) : null;
  const origin = { instance: "i_test", epoch, naming: pseudonyms?.naming };
  const world = new World({
    origin,
    publish: ({ stream, key, render }) => journal.append(stream, key, render),
  });
  const all = rulesAbout(marked);
  const decided: Decision[] = [];
  const bridge = (sessions: Requests | World["sessions"]) =>
    new Bridge({
      policy: {
        rules: new RuleSet(all.slice(0, rules)),
        settings: { default: "allow", mode: enforcing, ownNames: true, tokenMeta: "token" },
        available: true,
        refuseAsStale: false,
      },
      sessions,
      journal,
      origin,
      redact: redactor(mode, key),
      clock,
      observer: { answered: (_op, decision) => decided.push(decision) },
      onFailure: "answer",
      volume: null,
      pseudonyms,
    });
  const [frp, prox] = [bridge(world.sessions), bridge(new Requests(clock))];
  const handle = (of: Bridge, ops: Op[]): Promise<unknown[]> =>
    Promise.all(ops.map((op) => of.handle(op, 2000)));
  const answers = [
    ...(await handle(frp, markedFrp(marked, mode === "off"))),
    ...(await handle(prox, markedProx(marked))),
  ];
  const snapshot = [...snapshotLines(world.sessions)];
  await writeSnapshot(
    dir,
    { version: 1, instance: "i_test", through: 1 },
    snapshot,
    async () => true,
    nodeFiles,
  );
  const announcer = new Announcer(journal, origin, clock, "sluice.bridge", null, pseudonyms);
  await Promise.all(notesAbout(all).map((note) => announcer.policy(note)));
  const publish = (draft: Parameters<Announcer["publish"]>[0]): void => void announcer.publish(draft);
  const reports = new MalformedReports({
    protocol: "frp",
    clock,
    origin,
    publish,
    count: () => {},
    pseudonyms,
  });
  for (const peer of [marked.client, `::ffff:${marked.visitor}`, "no address", null])
    reports.report({ node: "edge-1", reason: "not_json", length: 1, sha256: "ab", peer });
  world.sessions.stop();
  await journal.close(1000);
  const events = recordsOf(await readAll(dir)).map(({ event }) => JSON.parse(event));
  return { dir, events, answers, decided };
}

/** Every file under a folder. */
function bytesIn(dir: string): string {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => readFileSync(path.join(parentPath, name), "latin1"))
    .join("\n");
}

describe("with pseudonyms of users and addresses", () => {
  it("no byte of the journal, the snapshot or a projection holds a user's name or an address", async () => {
    await fc.assert(
      fc.asyncProperty(given, async (world) => {
        const { dir, events } = await run(world);
        const onDisk = bytesIn(dir);
        const projected = events.map((event) => {
          expect(anyEvent.safeParse(event).error).toBeUndefined();
          return json([toOcsf(event), toEcs(event), toFlat(event), toFlatSession(event)]);
        });
        const { user, other, client, visitor } = world.marks;
        const marked = [user, other, client, visitor, canonicalAddress(client)!, canonicalAddress(visitor)!];
        for (const mark of marked) {
          expect(contextOf(onDisk, mark)).toBe("");
          expect(contextOf(projected.join("\n"), mark)).toBe("");
        }
        expect(events.length).toBeGreaterThan(60);
        expect(new Set(events.map((event) => event.pseudonyms))).toEqual(new Set([events[0].pseudonyms]));
      }),
      { numRuns: 12, examples: [[spelledOut], [likeSecrets]] },
    );
  });

  it("every op is decided and answered as without them", async () => {
    await fc.assert(
      fc.asyncProperty(given, async (world) => {
        const [told, untold] = [await run(world), await run(world, false)];
        expect(told.decided).toEqual(untold.decided);
        expect(told.answers).toEqual(untold.answers);
        expect(told.events.map(({ type }) => type)).toEqual(untold.events.map(({ type }) => type));
      }),
      { numRuns: 6 },
    );
  });
});

/** Where a text stands, for a failure that can be read; "" where it does not. */
function contextOf(text: string, mark: string): string {
  const at = text.indexOf(mark);
  return at < 0 ? "" : text.slice(Math.max(0, at - 200), at + 60);
}
