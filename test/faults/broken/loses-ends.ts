/** Loaded into a bridge's process: every third end of a session is never journaled: of few is it certain that their close was owed one. */
import { Announcer } from "../../../src/announcer.ts";

const { publish } = Announcer.prototype;
let count = 0;

Announcer.prototype.publish = function (draft) {
  if (draft.type === "session.ended" && ++count % 3 === 0) return Promise.resolve({ ok: true });
  return publish.call(this, draft);
};
