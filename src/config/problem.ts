/**
 * What is wrong with the settings, each in one line that a person can act on: the setting and where it came from, what it
 * is unless it is secret, and what would be right or the next step.
 */
export interface Problem {
  readonly text: string;
  /** Of settings that are not as somebody wanted them: what else they would contradict is not known. */
  readonly keys: readonly string[];
}

/** Where each setting came from: the file, or a variable. */
export type Origins = ReadonlyMap<string, string>;

/** Settings as a sentence names them; what follows a slash, a quote or a letter is part of something else. */
const mention = /(?<![\w"/.-])[a-z]\w*(?:\.[A-Za-z0-9_-]+)+/g;

/** The first mention of each setting gets its origin behind it. */
export function withOrigins(sentence: string, origins: Origins): string {
  const told = new Set<string>();
  return sentence.replace(mention, (key) => {
    if (told.has(key)) return key;
    told.add(key);
    return origins.has(key) ? named(key, origins) : key;
  });
}

/** Whether a sentence is about a setting that is wrong by itself, or about one in or around it. */
export function isAbout(sentence: string, wrong: Iterable<string>): boolean {
  const mentioned = sentence.match(mention) ?? [];
  return [...wrong].some((key) =>
    mentioned.some((one) => one === key || one.startsWith(`${key}.`) || key.startsWith(`${one}.`)),
  );
}

/** With the origin of the setting, or of the first in it, or else of what it stands in, such as a list. */
export function named(key: string, origins: Origins): string {
  const inner = [...origins.keys()].find((one) => one.startsWith(`${key}.`)) ?? key;
  const origin = origins.get(key) ?? origins.get(inner) ?? originAround(key, origins);
  return origin === undefined ? key : `${key} (${origin})`;
}

function originAround(key: string, origins: Origins): string | undefined {
  const end = key.lastIndexOf(".");
  if (end < 0) return undefined;
  const outer = key.slice(0, end);
  return origins.get(outer) ?? originAround(outer, origins);
}

/** Names of settings are as somebody wrote them: what would begin another line, or a terminal obeys, is taken out. */
const strayControls = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Of a line, in characters: whoever reads it knows by then what it is about. */
const longest = 2_000;

export function oneLine(text: string): string {
  const line = text.length <= longest ? text : `${text.slice(0, longest).toWellFormed()}…`;
  return line.replace(strayControls, "?");
}
