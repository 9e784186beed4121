/**
 * Names with `*` for any run of characters, and nothing else that is special.
 *
 * Cannot be made slow: each piece between two stars is searched once, from where the one before was found, and names
 * longer than any that frps takes match nothing.
 */
const longestName = 512;

export type Glob = readonly string[];

export function parseGlob(text: string): Glob {
  return text.split("*");
}

export function matchesGlob([first = "", ...rest]: Glob, name: string): boolean {
  if (name.length > longestName || !name.startsWith(first)) return false;
  const last = rest.pop();
  if (last === undefined) return name === first;
  let at = first.length;
  for (const piece of rest) {
    const found = name.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}
