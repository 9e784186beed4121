/**
 * The text of a policy file: one flat JSON object of keys (without `sluice:policy:`) and values. A value is text as
 * in Redis (`"deny moved away"`) or the JSON object itself.
 */
export interface PolicyText {
  /** The last value of each key, as Redis would hold it. */
  readonly rules: ReadonlyMap<string, string>;
  /** Keys that stand there more than once, where all but the last have no effect. */
  readonly repeated: readonly string[];
}

/** @throws Error whose text says where; it quotes nothing of the file, which may hold secrets */
export function readPolicyText(text: string): PolicyText {
  const json = text.replace(/^\uFEFF/, "");
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (thrown) {
    throw new Error(`is not JSON${placeOf(thrown, json)}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error('must hold one JSON object of keys and values, such as {"user:alice": "allow"}');
  }
  const rules = new Map<string, string>();
  for (const [key, rule] of Object.entries(value))
    rules.set(key, typeof rule === "string" ? rule : JSON.stringify(rule));
  return { rules, repeated: repeatedKeys(json) };
}

/** V8 gives a position for some mistakes; for the others it is where the text stops being made of JSON's tokens. */
function placeOf(thrown: unknown, json: string): string {
  const given = /at position (\d+)/.exec(String(thrown))?.[1];
  let at = given === undefined ? 0 : Number(given);
  if (given === undefined) {
    for (const token of tokensOf(json)) at = token.end;
    if (json.slice(at).trim() === "") return ": it ends too early";
  }
  const before = json.slice(0, at + /^\s*/.exec(json.slice(at))![0].length).split("\n");
  return ` in line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

interface Token {
  readonly text: string;
  readonly from: number;
  readonly end: number;
}

export function* tokensOf(json: string): Generator<Token> {
  const token = /\s*("(?:[^"\\]|\\.)*"|[{}[\]:,]|true|false|null|-?[\d.eE+-]+)/y;
  for (let found = token.exec(json); found; found = token.exec(json)) {
    const end = token.lastIndex;
    yield { text: found[1]!, from: end - found[1]!.length, end };
  }
}

/** @param json valid JSON */
function repeatedKeys(json: string): string[] {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  let depth = 0;
  let last = "";
  for (const { text } of tokensOf(json)) {
    if (text === "{" || text === "[") depth += 1;
    else if (text === "}" || text === "]") depth -= 1;
    else if (text === ":" && depth === 1) {
      const key = JSON.parse(last) as string;
      if (seen.has(key)) repeated.add(key);
      seen.add(key);
    }
    last = text;
  }
  return [...repeated];
}
