/** Splits JSON objects that stand one behind the other, white space between them or not; throws at anything else. */
export function concatenatedObjects(text: string): Record<string, unknown>[] {
  const objects: Record<string, unknown>[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at]!)) {
      at += 1;
      continue;
    }
    const end = endOfObject(text, at);
    objects.push(JSON.parse(text.slice(at, end)));
    at = end;
  }
  return objects;
}

/** Behind the brace that closes the one at `start`. */
function endOfObject(text: string, start: number): number {
  if (text[start] !== "{") throw new SyntaxError(`no object at ${start}`);
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at);
    else if (character === "{") depth += 1;
    else if (character === "}" && --depth === 0) return at + 1;
  }
  throw new SyntaxError("an object without its end");
}

/** At the quote that closes the one at `start`. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === '"') return at;
  }
  throw new SyntaxError("a string without its end");
}
