import { expect, it } from "vitest";
import { namedIn } from "./promql.ts";

it.each([
  ['up{job="a"} == 0', ["up"], ["job"]],
  ['sum by (le, op) (rate(a_bucket{x!~"y{z"}[5m])) > 0.25', ["a_bucket"], ["x", "le", "op"]],
  ["a and on (job) b unless ignoring(c) d offset 15m", ["a", "b", "d"], ["job", "c"]],
  ["histogram_quantile(0.99, a:b_c) / 4 * 3600 + time()", ["a:b_c"], []],
  ["max(1 - (p offset 1h or vector(0)))", ["p"], []],
])("%s names its metrics and labels, and nothing else", (expression, metrics, labels) => {
  expect(namedIn(expression)).toEqual({ metrics, labels });
});
