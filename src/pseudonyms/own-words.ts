/** Takes addresses, and a user's own name, out of texts that people wrote: reasons of rules, problems, what a check saw. */
import { parseNetwork } from "../policy/addresses.ts";
import type { Names } from "./names.ts";

const dotted = String.raw`\d{1,3}(?:\.\d{1,3}){3}(?!\d)`;
const hexed = String.raw`[\da-f]*:[\da-f]*:`;
/** Whether it is one is seen when it is read. */
const likeAddress = new RegExp(
  String.raw`(?:(?<![\d.])${dotted}|${hexed}(?:[\da-f]*:)*${dotted}|${hexed}[\da-f:]*)(?:%\w+)?(?:\/\d{1,3})?`,
  "gi",
);
/** A sentence may go on behind a colon, or have one before an address. */
const betweenColons = /^(?<before>:(?!:))?(?<bare>.*?)(?<behind>(?<!:):)?$/s;

/** Every address and CIDR in a text by its pseudonym. */
export function withoutAddresses(text: string, names: Names): string {
  return text.replace(likeAddress, (found) => {
    const { before = "", bare = "", behind = "" } = betweenColons.exec(found)!.groups!;
    const network = bare.replace(/%\w+/, "");
    return parseNetwork(network) === null ? found : before + names.network(network) + behind;
  });
}

const partOfWord = /[\p{L}\p{N}_]/u;

/** A user's name where it stands as a word of its own. */
export function withoutUser(text: string, user: string, names: Names): string {
  if (user === "") return text;
  let [told, from] = ["", 0];
  for (let at = text.indexOf(user); at >= 0; at = text.indexOf(user, at + user.length)) {
    const end = at + user.length;
    if (partOfWord.test(text.charAt(at - 1)) || partOfWord.test(text.charAt(end))) continue;
    told += text.slice(from, at) + names.user(user);
    from = end;
  }
  return from === 0 ? text : told + text.slice(from);
}
