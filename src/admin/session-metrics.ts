/** What Prometheus reads of user sessions. What each of them counts is kept in plain numbers, as in op-metrics.ts. */
import { Counter, Gauge, type Registry } from "prom-client";
import type { Pairing } from "../events/data.ts";
import type { Traffic } from "../op.ts";
import type { End } from "../sessions/drafts.ts";
import type { Sessions } from "../sessions/sessions.ts";
import { Durations } from "./durations.ts";
import { total } from "./figures.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

export class SessionMetrics {
  #opened = 0;
  /** By reason. */
  readonly #announcedEnds = new Map<string, number>();
  readonly #inferredEnds = new Map<string, number>();
  readonly #unpaired: Counter;
  readonly #confirmed: Counter<"pairing">;
  readonly #bytes: Counter<"direction">;
  readonly #duration: Durations;
  readonly #announcements: Counter<"ends">;

  constructor(registry: Registry, sessions: () => Sessions | null) {
    const registers = [registry];
    total(registry, "sluice_sessions_opened_total", "User connections let in", () => this.#opened);
    const ends = { false: this.#announcedEnds, true: this.#inferredEnds };
    new Counter({
      name: "sluice_sessions_ended_total",
      help: "Sessions ended, by reason; inferred ones nobody announced",
      labelNames: ["reason", "inferred"],
      registers,
      collect() {
        this.reset();
        for (const [inferred, counts] of Object.entries(ends)) {
          for (const [reason, count] of counts) this.inc({ reason, inferred }, count);
        }
      },
    });
    this.#unpaired = new Counter({
      name: "sluice_sessions_unpaired_closes_total",
      help: "CloseUserConn that belong to no session",
      registers,
    });
    this.#confirmed = new Counter({
      name: "sluice_logins_confirmed_total",
      help: "Clients that got in, by how surely their Login was found",
      labelNames: ["pairing"],
      registers,
    });
    this.#bytes = new Counter({
      name: "sluice_session_bytes_total",
      help: "Bytes of ended sessions, where frps tells them; in is from the user",
      labelNames: ["direction"],
      registers,
    });
    this.#duration = new Durations(registry, {
      name: "sluice_session_duration_seconds",
      help: "Of sessions whose end was announced",
      boundsMs: [0.1 * second, second, 10 * second, minute, 10 * minute, hour, 6 * hour, 24 * hour],
    });
    this.#announcements = new Counter({
      name: "sluice_sessions_ends_changes_total",
      help: "Times a node began, or ceased, to tell the ends of a proxy type",
      labelNames: ["ends"],
      registers,
    });
    const share = (): number => {
      const inferred = sumOf(this.#inferredEnds);
      return inferred / Math.max(1, inferred + sumOf(this.#announcedEnds));
    };
    new Gauge({
      name: "sluice_sessions_inferred_ratio",
      help: "Share of inferred ends in all since the start",
      registers,
      collect() {
        this.set(share());
      },
    });
    kindGauges(registers, sessions);
  }

  opened(): void {
    this.#opened++;
  }

  ended({ reason, inferred, durationMs }: End, traffic: Traffic | null): void {
    const counts = inferred ? this.#inferredEnds : this.#announcedEnds;
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
    if (durationMs !== null) this.#duration.observe(durationMs);
    if (traffic?.in) this.#bytes.inc({ direction: "in" }, traffic.in);
    if (traffic?.out) this.#bytes.inc({ direction: "out" }, traffic.out);
  }

  unpaired(): void {
    this.#unpaired.inc();
  }

  confirmed(pairing: Pairing): void {
    this.#confirmed.inc({ pairing });
  }

  endsAnnounced(are: boolean): void {
    this.#announcements.inc({ ends: are ? "began" : "ceased" });
  }
}

function sumOf(counts: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}

function kindGauges(registers: Registry[], sessions: () => Sessions | null): void {
  new Gauge({
    name: "sluice_sessions_open",
    help: "Sessions without an end: open where ends are told, unknown elsewhere",
    labelNames: ["state"],
    registers,
    collect() {
      const counts = { open: 0, unknown: 0 };
      for (const kind of sessions()?.roster.kinds() ?? []) {
        counts[kind.announced ? "open" : "unknown"] += kind.open;
      }
      this.set({ state: "open" }, counts.open);
      this.set({ state: "unknown" }, counts.unknown);
    },
  });
  new Gauge({
    name: "sluice_sessions_ends_announced",
    help: "1 while a node is known to tell the ends of a proxy type",
    labelNames: ["node", "type"],
    registers,
    collect() {
      this.reset();
      for (const { node, type, announced } of sessions()?.roster.kinds() ?? []) {
        this.set({ node, type: type ?? "" }, Number(announced));
      }
    },
  });
}
