/** Takes the values out of queries, and what else may be secret out of addresses that a header holds. */

type Hide = (value: unknown) => unknown;

/**
 * `a=1&b=2` becomes `a=***&b=***`. What has no name, or an empty value, may itself be the secret: it is hidden whole,
 * as is padding behind it (`?dG9rZW4=`).
 */
export function hiddenInQuery(query: string, hide: Hide): string {
  if (query === "") return "";
  return query.replace(/[^&;]+/g, (part) => {
    const equals = part.indexOf("=");
    const value = part.slice(equals + 1);
    const isPair = equals > 0 && /[^=]/.test(value);
    return isPair ? `${part.slice(0, equals)}=${hide(value)}` : `${hide(part)}`;
  });
}

/** Of each address in a text: the user and password, the values of its query, and its fragment. */
export function hiddenInUrl(text: string, hide: Hide): string {
  return text
    .replace(/(?<=\/\/)[^/?#\s<>]*(?=@)/g, (userinfo) => `${hide(userinfo)}`)
    .replace(/(?<=\?)[^#\s<>]+/g, (query) => hiddenInQuery(query, hide))
    .replace(/(?<=#)[^\s<>]+/g, (fragment) => `${hide(fragment)}`);
}
