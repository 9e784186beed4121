/** RFC 5424's grammar, strictly: what a message that a receiver may refuse is thrown for. */

export interface SyslogMessage {
  readonly facility: number;
  readonly severity: number;
  readonly timestamp: string;
  readonly hostname: string;
  readonly appName: string;
  readonly procId: string;
  readonly msgId: string;
  /** By SD-ID, then by PARAM-NAME; unescaped. */
  readonly data: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Without a byte order mark. */
  readonly text: string;
}

const timestamp = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)`;
const header = new RegExp(
  String.raw`<(0|[1-9]\d{0,2})>1 (-|${timestamp}) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) `,
  "y",
);
const sdName = String.raw`[!#-<>-\\^-~]{1,32}`;
const element = new RegExp(String.raw`\[(${sdName})((?: ${sdName}="(?:[^"\\\]]|\\["\\\]])*")*)\]`, "y");
const param = new RegExp(String.raw` (${sdName})="((?:[^"\\\]]|\\["\\\]])*)"`, "g");
const highestPri = 191;

/** @throws of bytes that are no message */
export function syslogMessage(frame: Buffer): SyslogMessage {
  const bytes = frame.toString("latin1");
  const refuse = (what: string): never => {
    throw new Error(`no RFC 5424 message, ${what}: ${JSON.stringify(bytes.slice(0, 300))}`);
  };
  header.lastIndex = 0;
  const head = header.exec(bytes) ?? refuse("its header");
  const [, pri, at, hostname, appName, procId, msgId] = head as unknown as string[];
  if (Number(pri) > highestPri) refuse("its PRI");
  if (at !== "-" && Number.isNaN(Date.parse(at!))) refuse("its TIMESTAMP");

  let next = header.lastIndex;
  const data: Record<string, Record<string, string>> = {};
  if (bytes[next] === "-") next += 1;
  else {
    while (bytes[next] === "[") {
      element.lastIndex = next;
      const [, name, params] = element.exec(bytes) ?? refuse("its STRUCTURED-DATA");
      if (Object.hasOwn(data, name!)) refuse("an SD-ID that comes twice");
      const pairs = [...params!.matchAll(param)].map(([, key, value]) => [key!, unescaped(value!)]);
      data[name!] = Object.fromEntries(pairs);
      next = element.lastIndex;
    }
    if (Object.keys(data).length === 0) refuse("its STRUCTURED-DATA");
  }
  if (next < bytes.length && bytes[next] !== " ") refuse("what comes behind STRUCTURED-DATA");
  const severity = Number(pri) % 8;
  const facility = (Number(pri) - severity) / 8;
  const text = utf8(frame.subarray(next + 1));
  const fields = { timestamp: at!, hostname: hostname!, appName: appName!, procId: procId!, msgId: msgId! };
  return { facility, severity, ...fields, data, text };
}

function unescaped(value: string): string {
  return utf8(Buffer.from(value.replace(/\\(["\\\]])/g, "$1"), "latin1"));
}

/** @throws of what is no UTF-8 */
function utf8(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}
