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

/** Records on disk that Kafka has not confirmed, as of now: the forwarder's own count is up to a second old. NaN without a Kafka. */
export function lagIn(metrics: Metrics): number {
  if (Number.isNaN(metrics("sluice_kafka_lag_records"))) return Number.NaN;
  return metrics("sluice_journal_durable_seq") - metrics("sluice_journal_acknowledged_seq");
}
