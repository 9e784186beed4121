/** Loaded into a bridge's process: a changed rule comes into force three seconds after it came. */
import { Replica } from "../../../src/policy/replica.ts";

const afterMs = 3_000;
const { put } = Replica.prototype;

Replica.prototype.put = function (entries) {
  const all = [...entries];
  setTimeout(() => put.call(this, all), afterMs);
};
