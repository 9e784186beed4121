/** Text that strangers chose, fit for a terminal: nothing in it moves the cursor, and its width is known. */

/** Control and format characters, direction marks, unpaired surrogates, what no Unicode knows; line separators. */
const unprintable = /[\p{C}\p{Zl}\p{Zp}]/gu;
const wide =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60]/u;
const mark = /\p{M}/u;
const plain = /^[ -~]*$/;

/** Each unprintable character is shown as `?`. */
export function printable(text: string): string {
  return plain.test(text) ? text : text.replace(unprintable, "?");
}

/** JSON text that means the same, with its unprintable characters written as escapes. */
export function printableJson(json: string): string {
  return json.replace(unprintable, (character) => character.split("").map(escapeOf).join(""));
}

/** @param unit one UTF-16 unit */
function escapeOf(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Columns that printable text takes. */
export function widthOf(text: string): number {
  if (plain.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += mark.test(character) ? 0 : wide.test(character) ? 2 : 1;
  return width;
}

/** At most `width` columns of printable text; `…` stands for what was left out. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = "";
  let left = width - 1;
  for (const character of text) {
    left -= widthOf(character);
    if (left < 0) break;
    kept += character;
  }
  return `${kept}…`;
}

/** Printable text in exactly `width` columns, cut or filled up. */
export function inWidth(text: string, width: number): string {
  const short = cut(text, width);
  return short + " ".repeat(Math.max(0, width - widthOf(short)));
}
