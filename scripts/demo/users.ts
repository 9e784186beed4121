/** The people who connect through the proxies: one after the other comes, stays a while, and goes. */
import { setTimeout as pause } from "node:timers/promises";
import { tcpUser } from "../../test/hosts/frp-user.ts";

const betweenMs = 400;
const staysMs = 700;
/** Every so many goes to the other proxy. */
const otherEvery = 6;

export interface Counts {
  served: number;
  refused: number;
}

export function count(counts: Counts, served: boolean): void {
  if (served) counts.served++;
  else counts.refused++;
}

/** Whether somebody who connects is served. */
export async function isServed(port: number, stayMs = 0): Promise<boolean> {
  const user = await tcpUser(port);
  const served = await user.served;
  if (served && stayMs > 0) await pause(stayMs);
  await user.close();
  return served;
}

/** Until it is told to end, and all have gone. @throws Error when somebody could not even connect */
export async function crowd(
  ports: { readonly usual: number; readonly other: number },
  counts: Counts,
  told: AbortSignal,
): Promise<void> {
  const inside = new Set<Promise<void>>();
  let failure: Error | null = null;
  for (let n = 1; !told.aborted; n++) {
    const port = n % otherEvery === 0 ? ports.other : ports.usual;
    const visit = isServed(port, staysMs).then(
      (served) => count(counts, served),
      (thrown) => {
        failure ??= thrown;
      },
    );
    inside.add(visit);
    void visit.finally(() => inside.delete(visit));
    await pause(betweenMs, undefined, { signal: told }).catch(() => {});
  }
  await Promise.all(inside);
  if (failure !== null) throw failure;
}
