import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../hosts/folder.ts";
import { sluice } from "./sluice.ts";

describe("help", () => {
  it.each([
    [["--help"], ["serve", "config", "tail", "SLUICE_", "Exit codes"]],
    [
      ["serve", "--help"],
      ["a second signal ends it at once", "--config <file>", "SLUICE_CONFIG"],
    ],
    [
      ["config", "--help"],
      ["--json", "--table", "secrets masked"],
    ],
    [
      ["tail", "--help"],
      ["--lines", "--follow", "--kafka", "login.refused", "bridge.progress"],
    ],
    [
      ["doctor", "--help"],
      ["--only", "--frps", "--show-secrets", "--json", "yellow", "Examples", "Exit codes"],
    ],
    [
      ["topics", "--help"],
      ["plan", "apply", "--partitions", "Examples", "Exit codes"],
    ],
    [
      ["sessions", "--help"],
      ["--user", "--proxy", "--ip", "--node", "--limit", "--json", "unknown"],
    ],
    [
      ["explain", "--help"],
      ["--op", "--ip", "--token-file", "--input", "--last", "--policy", "outranked", "Examples"],
    ],
    [
      ["simulate", "--help"],
      ["--policy", "--since", "--until", "--kafka", "--strict", "undecidable", "Exit codes"],
    ],
    [
      ["export", "--help"],
      ["--since", "--format", "--as", "--output", "--kafka", "--spreadsheet", "Examples", "Exit codes"],
    ],
    [
      ["policy", "--help"],
      ["list", "get", "set", "rm", "check", "watch", "export", "import", "diff", "accept-empty", "token"],
    ],
    [
      ["policy", "list", "--help"],
      ["--json", "* stands for any run of characters"],
    ],
    [
      ["policy", "set", "--help"],
      ["--ttl", "--keep-ttl", "--by", "--note", "--plain", "--new", "Exit codes"],
    ],
    [
      ["policy", "check", "--help"],
      ["--strict", "--json", "Exit codes"],
    ],
    [
      ["policy", "import", "--help"],
      ["--dry-run", "--prune", "--plain", "Exit codes"],
    ],
    [
      ["verify", "--help"],
      ["--instance", "UNANNOUNCED", "Exit codes"],
    ],
  ])("of %j fits a terminal and names what there is", async (args, names) => {
    const { code, stdout, stderr } = await sluice(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const name of names) expect(stdout).toContain(name);
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  it("is what the program alone gives, as a failure", async () => {
    const { code, stderr } = await sluice([]);
    expect(code).toBe(2);
    expect(stderr).toContain("Usage: sluice");
  });
});

describe("a command line that cannot be meant", () => {
  it.each([
    [["tal"], "unknown command 'tal'\n(Did you mean tail?)"],
    [["serve", "--port", "1"], "unknown option '--port'\n(sluice serve --help shows"],
    [["serve", "now"], "too many arguments for 'serve'"],
    [["tail", "-n", "x"], "argument 'x' is invalid. It must be a whole number"],
    [["tail", "-n", "-1"], "argument '-1' is invalid"],
    [["tail", "--type", "login.refusd"], "No event has such a type, did you mean login.refused?"],
    [["explain", "--remote-port", "65536"], "It must be a port, at most 65535."],
    [["explain", "--proxy-type", "tpc"], "Allowed choices are tcp, udp,"],
    [
      ["explain", "--token", "a", "--token-file", "b"],
      "'--token <token>' cannot be used with option '--token-file",
    ],
    [
      ["explain", "--input", "x", "--user", "bob"],
      "'--input <file>' cannot be used with option '--user <name>'",
    ],
    [
      ["explain", "--input", "x", "--op", "Ping"],
      "'--input <file>' cannot be used with option '--op <name>'",
    ],
    [
      ["explain", "--input", "x", "--last", "bob"],
      "'--input <file>' cannot be used with option '--last <user>'",
    ],
    [
      ["explain", "--last", "bob", "--proxy-type", "tcp"],
      "'--last <user>' cannot be used with option '--proxy-type",
    ],
    [["explain", "--user", "bob", "--at", "noon"], "It must be a time with its zone"],
    [
      ["policy", "lst"],
      "unknown command 'lst'\n(Did you mean list?)\n(sluice policy --help shows what there is)",
    ],
    [
      ["policy", "set", "user:a"],
      "missing required argument 'value'\n(sluice policy set --help shows what there is)",
    ],
    [
      ["policy", "set", "user:a", "allow", "--plain", "--by", "x"],
      "'--plain' cannot be used with option '--by <name>'",
    ],
    [["doctor", "--only", "data,rediss"], "There are settings, data, redis, kafka, ports."],
    [["doctor", "--frps", "--json"], "'--frps [node]' cannot be used with option '--json'"],
    [["topics", "aply"], "too many arguments for 'plan'"],
    [["config", "--json", "--table"], "'--table' cannot be used with option '--json'"],
  ])("%j gets one message with a way out, no stack, and exit code 2", async (args, message) => {
    const { code, stdout, stderr } = await sluice(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^sluice: /);
    expect(stderr).toContain(message);
    expect(stderr).toContain("--help shows what there is");
    expect(stderr).not.toMatch(/^ {4}at /m);
  });
});

it("--version gives the version alone", async () => {
  expect(await sluice(["--version"])).toEqual({ code: 0, stdout: "0.1.0\n", stderr: "" });
});

it("config shows the effective settings with their origins, and no secret", async () => {
  const folder = await temporaryFolder("config");
  const surroundings = {
    cwd: folder.path,
    settings: { "http.port": 9100, "http.auth": "frps:hunter2", "redis.url": "redis://:hunter2@redis" },
  };
  const { code, stdout, stderr } = await sluice(["config"], surroundings);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^SETTING +VALUE +FROM\n/);
  expect(stdout).toMatch(/^http\.port +9100 +SLUICE_HTTP_PORT$/m);
  expect(stdout).toMatch(/^http\.auth +"\*\*\*" +SLUICE_HTTP_AUTH$/m);
  expect(stdout).toMatch(/^http\.path +"\/handler" +default$/m);

  const json = await sluice(["config", "--json"], surroundings);
  expect(JSON.parse(json.stdout)).toContainEqual({
    key: "http.port",
    value: 9100,
    origin: "SLUICE_HTTP_PORT",
  });
  expect(stdout + json.stdout).not.toContain("hunter2");
  await folder.remove();
});

it("config --table is Markdown of every setting, also where the settings are wrong", async () => {
  const { code, stdout } = await sluice(["config", "--table"], { settings: { "http.port": "none" } });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\| setting \| env \| default \| what it is \|\n/);
  expect(stdout).toMatch(/^\| `http\.port` \| `SLUICE_HTTP_PORT` \| `9000` \| /m);
});
