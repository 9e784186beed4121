/** Which route prox finds, and what it says of it to a plugin. */
import { describe, expect, it } from "vitest";
import type { ProxAction, ProxConfig } from "./prox-config.ts";
import { proxes, readySetting } from "./prox-setting.ts";

/** A request, the route that it belongs to, and what the plugin reads of the match. */
const cases = [
  { host: "CDN-7.a.B.c:8080", path: "/", route: "web:0", said: { d: "CDN-7.a.B.c", md: "7", mg: "a.b.c" } },
  { host: "cdn-.a", path: "/x", route: "web:0", said: { d: "cdn-.a", mg: "a" } },
  { host: "cdn-7", path: "/one", route: "web:2", said: { d: "cdn-7", mp: "/one" } },
  { host: "a.b.test", path: "/", route: "web:1", said: { d: "a.b.test", md: "a.b", v: { color: "red" } } },
  { host: "b.test", path: "/two/three", route: "web:2", said: { d: "b.test", mp: "/two/*" } },
  { host: "b.test", path: "/other", route: undefined, said: {} },
];

function withRoutes(config: ProxConfig): ProxConfig {
  const action = config.services.web!.routes[0]!.action as ProxAction;
  const routes = [
    { match: { domain: "cdn-*.**" }, action },
    { match: { domain: "*.*.test" }, set: { color: "red" }, action },
    { match: { path: "/one, /two/*" }, action },
  ];
  return { ...config, services: { ...config.services, web: { plugins: ["bridge"], routes } } };
}

describe.each(proxes)("$name", ({ start }) => {
  it("asks with the first route whose domain and path fit, and with what their stars stood for", async () => {
    const { plugin, web } = await readySetting(start, { change: withRoutes });
    const run = await plugin.run();
    for (const { host, path, route, said } of cases) {
      const asked = run.of("on_request").length;
      expect((await web.ask({ host, path })).status).toBe(route ? 200 : 404);
      const { r, d, md, mg, mp, v } = run.of("on_request")[asked]?.payload ?? {};
      expect({ r, d, md, mg, mp, v }).toEqual({ r: route, ...said });
    }
  });
});
