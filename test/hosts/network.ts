import type { StartedNetwork } from "testcontainers";
import { keep } from "./keeper.ts";
import { closeWithFile } from "./open.ts";

/** A network on which containers know each other by name; removed at the end of the test file. */
export async function dockerNetwork(): Promise<StartedNetwork> {
  const { Network } = await import("testcontainers");
  const network = await new Network().start();
  const strikeOff = keep("network", network.getId());
  closeWithFile({
    async [Symbol.asyncDispose]() {
      await network.stop();
      strikeOff();
    },
  });
  return network;
}
