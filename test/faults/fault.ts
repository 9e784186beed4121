/** What a fault is, and what it may lay its hands on. */
import type { Load } from "../app/load.ts";
import type { SmallDisk } from "../app/small-disk.ts";
import type { BridgeHost, BridgeSettings } from "../hosts/bridge.ts";
import type { RedisHost } from "../hosts/redis.ts";
import type { Ground } from "./ground.ts";
import type { Crime } from "./judge.ts";
import type { Ruler } from "./ruler.ts";
import type { FaultControl } from "./tools/control.ts";
import type { TcpLink } from "./tools/tcp-link.ts";

export interface Fault {
  readonly name: string;
  /** A line for people. */
  readonly what: string;
  /** The seed with which it once found something that has been mended since: tests run it with this one. */
  readonly foundWith?: number;
  /** It breaks the brokers, which all others stand on. */
  readonly alone?: boolean;
  readonly settings?: BridgeSettings;
  /** Modules of inside/ that are loaded into the bridge's process. */
  readonly inside?: readonly string[];
  /** A module of broken/ that makes it a bridge which breaks its word. */
  readonly broken?: string;
  /** What such a bridge must be caught at. */
  readonly crime?: Crime;
  /** Megabytes of the disk for data.dir, when it shall be one that can be filled. */
  readonly diskMegabytes?: number;
  /** Added to redis-server's arguments. */
  readonly redisArgs?: readonly string[];
  /** The bridge reaches Redis through `scene.redisLink`. */
  readonly redisLinked?: boolean;
  /** The bridge reaches no broker before `scene.kafkaDoor` is healed. */
  readonly kafkaDoorShut?: boolean;
  /** How old a rule may be that an answer follows, in milliseconds; where it isn't the usual. */
  readonly boundMs?: number;
  /** Reasons of refusals that it may cause. */
  readonly causes?: readonly RegExp[];
  /** Events that must have been told, without prefix: without them it has not struck. */
  readonly tells?: readonly string[];
  /** Runs under load, and leaves everything healed. Throws when it could not strike. */
  strike(scene: Scene): Promise<void>;
}

export interface Scene {
  readonly ground: Ground;
  readonly bridge: BridgeHost;
  readonly load: Load;
  readonly ruler: Ruler;
  readonly redis: RedisHost;
  /** Between the bridge and its Redis, with `redisLinked`: bytes that pass this process wait for what else it does. */
  readonly redisLink: TcpLink;
  /** Between the bridge and the broker that it asks first. */
  readonly kafkaDoor: TcpLink;
  readonly control: FaultControl;
  /** With `diskMegabytes` only. */
  readonly disk: SmallDisk | null;
  readonly seed: number;
  /** From the seed. */
  readonly random: () => number;
  /** Resolves after about so many seconds' worth of answers, times the scale of this run. */
  seconds(count: number): Promise<void>;
  /** How often, times the scale. */
  times(count: number): number;
}
