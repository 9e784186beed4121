/** Loaded into a bridge's process: of the sessions that were open when it last ran it knows none. */
import { Sessions } from "../../../src/sessions/sessions.ts";

const { endRecovery } = Sessions.prototype;

Sessions.prototype.endRecovery = function () {
  for (const session of this.open.all()) this.open.remove(session);
  endRecovery.call(this);
};
