/** Starts a source, closes it, and ends only if nothing of it is left: run as `source-process.ts <data dir> <policy file or Redis URL>`. */
import { systemClock } from "../../src/clock.ts";
import { FileSource } from "../../src/policy/file.ts";
import { RedisSource } from "../../src/policy/redis.ts";
import { WatchedReplica } from "./watched-replica.ts";

const [folder = "", from = ""] = process.argv.slice(2);
const { replica, log } = new WatchedReplica({ folder });
await replica.restore();
const common = { replica, log, clock: systemClock };
const source = from.startsWith("redis://")
  ? new RedisSource({ ...common, redis: { url: from, prefix: "sluice:" }, timing: { startWithinMs: 200 } })
  : new FileSource({ ...common, path: from });
await source.start();
await source.close();
await replica.close();
