/** What people need to use a stack: where everything is, and what to try. */
import type { Stack } from "./stack.ts";

const ops = ["Login", "NewProxy", "CloseProxy", "Ping", "NewWorkConn", "NewUserConn"];

/** @param stays whether its folder is kept */
export function summaryOf(
  { redis, brokers, pluginPort, adminPort, folder, config }: Stack,
  stays: boolean,
): string {
  const sluice = "npm run --silent sluice --";
  return `
Redis    ${redis.url}
Kafka    ${brokers.join(",")}
plugin   http://127.0.0.1:${pluginPort}/handler
admin    http://127.0.0.1:${adminPort}/readyz, /metrics, /v1/sessions
folder   ${folder}${stays ? "" : " (removed at the end)"}
settings ${config} (change it: it reloads)

In another terminal, at the top of the checkout:

  export SLUICE_CONFIG=${config}
  ${sluice} tail --kafka --follow
  ${sluice} policy set user:alice 'deny moved away'
  curl http://127.0.0.1:${pluginPort}/handler -d '{"version":"0.1.0","op":"Login","content":{"user":"alice"}}'
  redis-cli -p ${redis.port} DEL sluice:policy:user:alice
  ${sluice} verify

A bridge of your own on the same Redis and Kafka:

  export SLUICE_REDIS_URL=${redis.url} SLUICE_KAFKA_BROKERS=${brokers.join(",")}

Your frps, in frps.toml:

  [[httpPlugins]]
  name = "sluice"
  addr = "127.0.0.1:${pluginPort}"
  path = "/handler"
  ops = [${ops.map((op) => `"${op}"`).join(", ")}]

Ctrl-C stops all of it. The bridge's log:
`;
}
