import { describe, expect, it } from "vitest";
import { MalformedReports } from "../src/malformed.ts";
import { FakeClock } from "./fake-clock.ts";

const origin = { instance: "i_test", epoch: "019b76da-a800-7000-8000-000000000000" };

function reports() {
  const clock = new FakeClock();
  const published: { reason: string; peer: string; suppressed: number }[] = [];
  const counted: string[] = [];
  const malformed = new MalformedReports({
    protocol: "frp",
    clock,
    origin,
    publish: (draft) => published.push(JSON.parse(draft.render({ sequence: 1, journalseq: 1 })).data),
    pseudonyms: null,
    count: (reason) => counted.push(reason),
  });
  const report = (peer: string): void =>
    malformed.report({ node: "frps", reason: "not_json", length: 3, sha256: "ab", peer });
  return { clock, published, counted, malformed, report };
}

describe("reports of malformed calls", () => {
  it("are published one by one at first, then as one count a minute", () => {
    const { clock, published, counted, report } = reports();
    for (let n = 0; n < 1000; n++) report("10.0.0.1");
    expect(published).toHaveLength(5);
    clock.advance(60_000);
    expect(published).toHaveLength(6);
    expect(published[5]).toMatchObject({ suppressed: 995, length: null, sha256: null });
    expect(counted).toHaveLength(1000);
  });

  it("of a flood of logins are one and a count, and leave room for other reasons", () => {
    const { clock, published, malformed, report } = reports();
    for (let n = 0; n < 3000; n++) {
      malformed.report({
        node: "frps",
        reason: "login_flood",
        length: null,
        sha256: null,
        peer: `net-${n % 2000}`,
      });
    }
    for (let n = 0; n < 10; n++)
      malformed.report({ node: "frps", reason: "login_flood", length: null, sha256: null, peer: "net-1" });
    expect(published).toHaveLength(1001);
    report("10.0.0.1");
    expect(published.at(-1)).toMatchObject({ reason: "not_json", peer: "10.0.0.1" });
    clock.advance(60_000);
    expect(published.filter((p) => p.peer === "net-1").map((p) => p.suppressed)).toEqual([0, 11]);
  });

  it("of one peer do not silence another", () => {
    const { published, report } = reports();
    for (let n = 0; n < 10; n++) report("10.0.0.1");
    report("10.0.0.2");
    expect(published.map((p) => p.peer)).toContain("10.0.0.2");
  });

  it("from very many peers share one count, so memory stays bounded", () => {
    const { clock, published, report } = reports();
    for (let n = 0; n < 3000; n++) report(`peer-${n}`);
    expect(published).toHaveLength(1005);
    clock.advance(60_000);
    expect(published.at(-1)).toMatchObject({ suppressed: 1995 });
  });

  it("that wait as a count are published at the end", () => {
    const { published, malformed, report } = reports();
    for (let n = 0; n < 7; n++) report("10.0.0.1");
    malformed.flush();
    expect(published.at(-1)).toMatchObject({ suppressed: 2 });
  });
});
