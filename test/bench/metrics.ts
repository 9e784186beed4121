/** What a bridge says of itself on its admin port. */
export type Metrics = (name: string) => number;

/** Metrics without labels, by name; NaN of one that it does not have. */
export async function metricsOf(port: number): Promise<Metrics> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const values = new Map(
    text.split("\n").map((line) => [line.split(" ")[0]!, Number(line.split(" ")[1])] as const),
  );
  return (name) => values.get(name) ?? Number.NaN;
}
