/** Loaded into a bridge's process: every tenth end names the session of the one before. */
import { Announcer } from "../../../src/announcer.ts";

const { publish } = Announcer.prototype;
let count = 0;
let before = "";

Announcer.prototype.publish = function (draft) {
  if (draft.type !== "session.ended") return publish.call(this, draft);
  const render: typeof draft.render = (stamp) => {
    const line = draft.render(stamp);
    const own = JSON.parse(line).data.session.id;
    const other = before;
    before = own;
    return ++count % 10 === 0 ? line.replaceAll(own, other) : line;
  };
  return publish.call(this, { ...draft, render });
};
