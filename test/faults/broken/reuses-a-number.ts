/** Loaded into a bridge's process: one work connection's event carries the number of the one before it. */
import { FileJournal } from "../../../src/journal/file-journal.ts";

const { append } = FileJournal.prototype;

FileJournal.prototype.append = function (stream, key, render) {
  return append.call(this, stream, key, (stamp) => {
    const isTheOne = stream === "work-conns" && stamp.sequence === 20;
    return render(isTheOne ? { ...stamp, sequence: stamp.sequence - 1 } : stamp);
  });
};
