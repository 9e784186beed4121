/** What an expression of PromQL names. Enough for those of deploy/, which real Prometheus programs parse as well. */

export interface Named {
  readonly metrics: readonly string[];
  readonly labels: readonly string[];
}

const words = new Set(
  "and or unless by without on ignoring group_left group_right bool offset inf nan start end".split(" "),
);

/** @param expression without variables of a dashboard */
export function namedIn(expression: string): Named {
  const labels = new Set<string>();
  const addAll = (text: string, name: RegExp): string => {
    for (const [, label] of text.matchAll(name)) labels.add(label!);
    return " ";
  };
  const rest = expression
    .replace(/"(?:[^"\\]|\\.)*"/g, '""')
    .replace(/\{[^}]*\}/g, (matchers) => addAll(matchers, /(\w+)\s*[=!]/g))
    .replace(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g, (_, list: string) =>
      addAll(list, /(\w+)/g),
    )
    .replace(/\[[^\]]*\]/g, " ")
    .replace(/\b\d+(?:\.\d+)?(?:ms|[smhdwy])?\b/g, " ");
  const names = [...rest.matchAll(/[a-zA-Z_:][\w:]*(?!\w|\s*\()/g)].map(([name]) => name);
  const metrics = names.filter((name) => !words.has(name.toLowerCase()));
  return { metrics: [...new Set(metrics)], labels: [...labels] };
}
