import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Slot, takeDeadSlots, takeSlot } from "../../src/prox/slots.ts";
import { makeDir } from "../journal/harness.ts";

function kept(slot: Slot): Slot {
  onTestFinished(() => slot.release());
  return slot;
}

const name = ({ dir }: Slot): string => dir.slice(dir.lastIndexOf("/") + 1);

describe("slots", () => {
  it("are taken from the first, each by one process at a time", () => {
    const dir = join(makeDir(), "data");
    const [first, second] = [kept(takeSlot(dir)), kept(takeSlot(dir))];
    expect([name(first), name(second), name(kept(takeSlot(dir)))]).toEqual(["prox-1", "prox-2", "prox-3"]);
    second.release();
    expect(name(kept(takeSlot(dir)))).toBe("prox-2");
    expect(fs.statSync(first.dir).mode & 0o777).toBe(0o700);
  });

  it("of dead processes are taken over where they hold a journal, and those of living ones never", () => {
    const dir = makeDir();
    const own = kept(takeSlot(dir));
    const [dead, living, empty] = [takeSlot(dir), kept(takeSlot(dir)), takeSlot(dir)];
    for (const slot of [own, dead, living]) fs.mkdirSync(join(slot.dir, "journal"));
    for (const other of ["prox-x", "other", "prox-0"])
      fs.mkdirSync(join(dir, other, "journal"), { recursive: true });
    dead.release();
    empty.release();
    const adopted = takeDeadSlots(dir).map(kept);
    expect(adopted.map(name)).toEqual(["prox-2"]);
    expect(takeDeadSlots(dir)).toEqual([]);
    expect(name(kept(takeSlot(dir)))).toBe("prox-4");
  });

  it("that cannot be used are said to be so when they are needed, and passed over when they are not", () => {
    const dir = makeDir();
    fs.writeFileSync(join(dir, "prox-1"), "no folder");
    expect(() => takeSlot(dir)).toThrow(expect.objectContaining({ code: "data_dir_unusable" }));
    fs.mkdirSync(join(dir, "prox-2", "journal"), { recursive: true });
    fs.mkdirSync(join(dir, "prox-2", "lock.sqlite"));
    expect(takeDeadSlots(dir)).toEqual([]);
  });
});
