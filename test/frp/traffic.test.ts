import { describe, expect, it } from "vitest";
import { trafficIn } from "../../src/frp/traffic.ts";

describe("traffic that a fork of frp tells at CloseUserConn", () => {
  it.each([
    [
      { traffic_in: 10, traffic_out: 20 },
      { in: 10, out: 20 },
    ],
    [
      { trafficIn: 10, trafficOut: 20 },
      { in: 10, out: 20 },
    ],
    [
      { bytes_in: 1, in_bytes: 2, BytesOut: 3 },
      { in: 1, out: 3 },
    ],
    [{ rx: 5 }, { in: 5, out: null }],
    [
      { bytesReceived: 0, bytesSent: 0 },
      { in: 0, out: 0 },
    ],
  ])("%j is %j", (content, traffic) => expect(trafficIn(content)).toEqual(traffic));

  it.each([
    [{}],
    [{ duration: 12, retries: 3 }],
    [{ traffic_in: "10" }],
    [{ traffic_in: -1, traffic_out: 1.5 }],
    [{ traffic_in: 2 ** 53 }],
    [{ in_out: 4, check_in: 5, login_count: 6 }],
    [{ proxy_name: "in", user: { traffic_in: 10 } }],
  ])("%j tells nothing", (content) => expect(trafficIn(content)).toBeNull());
});
