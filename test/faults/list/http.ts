/** What befalls the port that frps asks. */
import type { Fault } from "../fault.ts";
import { SlowClients } from "../tools/slow-http.ts";

export const httpFaults: readonly Fault[] = [
  {
    name: "slow-http",
    what: "hundreds of half-open and slow HTTP connections, some of them sending rubbish",
    async strike({ bridge, random, seconds, times }) {
      await using clients = await SlowClients.open(Number(new URL(bridge.url).port), times(400), random);
      await seconds(2);
      if (clients.open === 0) throw new Error("every slow connection had been closed by then");
    },
  },
];
