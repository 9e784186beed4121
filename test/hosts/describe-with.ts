import { beforeAll, describe, inject } from "vitest";
import { given, prepare, type Service } from "./provider.ts";

const BUILD_TIMEOUT_MS = 15 * 60_000;

/**
 * `describe` for tests that need real servers. It fetches and builds what is needed before the first test. Where a
 * service can't be had, the tests are skipped with the reason in their name, and under CI they fail.
 */
export function describeWith(needs: readonly Service[], name: string, body: () => void): void {
  const missing = needs.flatMap((service) => {
    const provider = inject("providers")[service];
    return provider.way === "missing" && !given(service) ? [`${service} is missing: ${provider.why}`] : [];
  });
  if (missing.length > 0 && !process.env.CI) {
    describe.skip(`${name} [${missing.join("; ")}]`, body);
    return;
  }
  describe(name, () => {
    beforeAll(async () => {
      for (const service of needs) await prepare(service);
    }, BUILD_TIMEOUT_MS);
    body();
  });
}
