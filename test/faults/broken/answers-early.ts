/** Loaded into a bridge's process: it says that a record is durable before it has been written. */
import { FileJournal } from "../../../src/journal/file-journal.ts";
import { nodeFiles } from "../../../src/journal/files.ts";

const writeAfterMs = 200;
const { append } = FileJournal.prototype;
const { open } = nodeFiles;

FileJournal.prototype.append = function (...record) {
  void append.apply(this, record);
  return Promise.resolve({ ok: true });
};

nodeFiles.open = async (path, flags) => {
  const file = await open(path, flags);
  if (!path.endsWith(".log")) return file;
  const { write } = file;
  file.write = async (...bytes) => {
    await new Promise((resolve) => setTimeout(resolve, writeAfterMs));
    return write(...bytes);
  };
  return file;
};
