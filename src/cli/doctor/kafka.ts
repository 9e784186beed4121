/** Kafka, as a bridge with these settings finds it. */
import type { Clock } from "../../clock.ts";
import type { Settings } from "../../config/settings.ts";
import { SluiceError } from "../../errors.ts";
import type { ClusterExamination, SeedExamination } from "../../kafka/examination.ts";
import { kafkaSettingsOf } from "../../kafka/settings.ts";
import { isNeeded } from "../../kafka/topic-plan.ts";
import { ownCertificates, validity } from "./certificates.ts";
import { type Finding, green, red, yellow } from "./finding.ts";
import { nextAfter } from "./next-after.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

export async function kafkaFindings(settings: Settings, clock: Clock): Promise<Finding[]> {
  if (settings.kafka.brokers.length === 0) {
    return [green("brokers", "none are set: events stay in the journal, for `sluice tail`")];
  }
  const [{ examineCluster, examineSeeds }, { wantedTopics }] = await Promise.all([
    import("../../kafka/examination.ts"),
    import("../topics.ts"),
  ]);
  const kafka = kafkaSettingsOf(settings.kafka);
  const now = clock.now();
  const certificates = await ownCertificates("kafka.tls", settings.kafka.tls, now);
  const seeds = await examineSeeds(kafka, clock, silent);
  const theirs = seeds.flatMap(({ address, certificate }) =>
    certificate === null ? [] : [validity(`certificate`, certificate, now, `renew that of ${address}`)],
  );
  const answering = seeds.filter(({ problem }) => problem === null).map(({ address }) => address);
  const away = seeds.flatMap((seed) => awayFinding(seed, answering.length > 0));
  if (answering.length === 0) return [...away, ...certificates, ...theirs];
  try {
    const wanted = await wantedTopics(settings);
    const seen = await examineCluster(wanted, { ...kafka, brokers: answering }, clock, silent);
    return [brokersFinding(seen), ...away, ...topicFindings(seen, settings), ...certificates, ...theirs];
  } catch (thrown) {
    if (!(thrown instanceof SluiceError)) throw thrown;
    return [...away, red("cluster", thrown.message, nextAfter(thrown)), ...certificates, ...theirs];
  }
}

function awayFinding({ address, problem }: SeedExamination, others: boolean): Finding[] {
  if (problem === null) return [];
  const seen = `${address}: ${problem.message}`;
  return others
    ? [yellow("broker", `${seen}; others answer`, nextAfter(problem))]
    : [red("broker", seen, nextAfter(problem))];
}

function brokersFinding({ brokers, version }: ClusterExamination): Finding {
  return green("brokers", `${brokers} in the cluster, Kafka ${version}`);
}

function topicFindings(seen: ClusterExamination, settings: Settings): Finding[] {
  return [
    ...existingFinding(seen),
    ...missingFinding(seen, settings),
    ...insyncFinding(seen),
    rightsFinding(seen),
  ];
}

function existingFinding({ plans, unplanned }: ClusterExamination): Finding[] {
  const there = plans.filter(({ found }) => found !== null);
  const different = there.filter((plan) => isNeeded(plan) || plan.left.length > 0);
  const [first] = unplanned;
  const unknown =
    first === undefined
      ? []
      : [
          red(
            "topics",
            `${unplanned.length} cannot be looked at: ${first.name}: ${first.problem.message}`,
            nextAfter(first.problem),
          ),
        ];
  if (different.length > 0) {
    const seen = `${different.length} of ${there.length} are not as they should be: ${listed(different.map(({ name }) => name))}`;
    const next = different.some(isNeeded)
      ? "see `sluice topics`, and mend with `sluice topics apply`"
      : "see `sluice topics`: what differs is yours to decide";
    return [...unknown, yellow("topics", seen, next)];
  }
  return there.length === 0
    ? unknown
    : [...unknown, green("topics", `${there.length} are as they should be`)];
}

function missingFinding({ plans, uncreatable }: ClusterExamination, { kafka }: Settings): Finding[] {
  const missing = plans.filter(({ found }) => found === null).map(({ name }) => name);
  if (missing.length === 0) return [];
  const seen = `${missing.length} missing: ${listed(missing)}`;
  if (!kafka.createTopics) {
    return [red("missing", `${seen}; kafka.createTopics is off`, "create them with `sluice topics apply`")];
  }
  const [problem] = uncreatable;
  if (problem === undefined) return [green("missing", `${seen}; the bridge creates them at its start`)];
  return [
    red("missing", `${uncreatable.length} of ${missing.length}: ${problem.message}`, nextAfter(problem)),
  ];
}

function insyncFinding({ plans, stuck }: ClusterExamination): Finding[] {
  if (plans.every(({ found }) => found === null)) return [];
  return stuck.length === 0
    ? [green("replicas", "every partition has a leader, and min.insync.replicas in sync")]
    : [
        red(
          "replicas",
          `${stuck.length} partitions take no event now: ${listed(stuck)}`,
          "bring back their brokers: events wait in the journal until then",
        ),
      ];
}

function rightsFinding({ plans, lacking }: ClusterExamination): Finding {
  const what = "rights";
  const next = "give our user the rights of deploy/kafka/acls.sh bridge";
  const without = (operation: string): string[] =>
    lacking.filter((one) => one.operation === operation).map(({ name }) => name);
  const [unwritable, unread] = [without("write"), without("describeConfigs")];
  if (unwritable.length > 0) return red(what, `no Write on ${listed(unwritable)}`, next);
  if (unread.length > 0) return yellow(what, `no DescribeConfigs on ${listed(unread)}: not compared`, next);
  return plans.some(({ found }) => found !== null)
    ? green(what, "Write and DescribeConfigs on the topics that are there")
    : green(what, "to be told when there are topics");
}

const mostListed = 3;

function listed(names: readonly string[]): string {
  const more = names.length - mostListed;
  return names.slice(0, mostListed).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
