/** Says what takes long: getting Kafka or frp for the first time takes minutes. */
import { prepare, providerOf, type Service } from "../../test/hosts/provider.ts";

const remedies: Partial<Record<Service, string>> = {
  redis: "start a Docker engine, or install redis-server",
  kafka: "start a Docker engine, or install a Java (17 or newer) and Maven",
  frp: "install Go, or name yours in SLUICE_TEST_FRPS_BIN and SLUICE_TEST_FRPC_BIN",
};

const quietMs = 1_500;
const againMs = 10_000;

/** Fetches and builds what these services need. @throws Error naming all that cannot be had here */
export async function prepareAll(services: readonly Service[], say: (text: string) => void): Promise<void> {
  const ways = await Promise.all(
    services.map(async (service) => [service, await providerOf(service)] as const),
  );
  const missing = ways.flatMap(([service, provider]) =>
    provider.way === "missing"
      ? [`${service} cannot be had here: ${provider.why}; ${remedies[service]}`]
      : [],
  );
  if (missing.length > 0) throw new Error(missing.join("\n"));
  for (const [service, { way }] of ways) {
    const how = way === "docker" ? "its image is pulled" : "it is fetched and built";
    await patiently(`${service}: ${how}, the first time only, which can take minutes`, say, () =>
      prepare(service),
    );
  }
}

/** @param text said when it is not done at once, and from time to time while it goes on */
export async function patiently<Result>(
  text: string,
  say: (text: string) => void,
  work: () => Promise<Result>,
): Promise<Result> {
  const fromMs = performance.now();
  let timer = setTimeout(() => {
    say(text);
    timer = setInterval(() => say(`  … ${Math.round((performance.now() - fromMs) / 1000)} s`), againMs);
  }, quietMs);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
  }
}
