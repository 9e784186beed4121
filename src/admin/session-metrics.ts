/** What Prometheus reads of user sessions. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Pairing } from "../events/data.ts";
import type { Traffic } from "../op.ts";
import type { End } from "../sessions/drafts.ts";
import type { Sessions } from "../sessions/sessions.ts";

const minute = 60;
const hour = 3600;

export class SessionMetrics {
  readonly #opened: Counter;
  readonly #ended: Counter<"reason" | "inferred">;
  readonly #unpaired: Counter;
  readonly #confirmed: Counter<"pairing">;
  readonly #bytes: Counter<"direction">;
  readonly #duration: Histogram;
  readonly #announcements: Counter<"ends">;
  #inferredEnds = 0;
  #allEnds = 0;

  constructor(registry: Registry, sessions: () => Sessions | null) {
    const registers = [registry];
    this.#opened = new Counter({
      name: "sluice_sessions_opened_total",
      help: "User connections let in",
      registers,
    });
    this.#ended = new Counter({
      name: "sluice_sessions_ended_total",
      help: "Sessions ended, by reason; inferred ones nobody announced",
      labelNames: ["reason", "inferred"],
      registers,
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
    this.#duration = new Histogram({
      name: "sluice_session_duration_seconds",
      help: "Of sessions whose end was announced",
      buckets: [0.1, 1, 10, minute, 10 * minute, hour, 6 * hour, 24 * hour],
      registers,
    });
    this.#announcements = new Counter({
      name: "sluice_sessions_ends_changes_total",
      help: "Times a node began, or ceased, to tell the ends of a proxy type",
      labelNames: ["ends"],
      registers,
    });
    const share = (): number => this.#inferredEnds / Math.max(1, this.#allEnds);
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
    this.#opened.inc();
  }

  ended({ reason, inferred, durationMs }: End, traffic: Traffic | null): void {
    this.#ended.inc({ reason, inferred: String(inferred) });
    this.#allEnds++;
    if (inferred) this.#inferredEnds++;
    if (durationMs !== null) this.#duration.observe(durationMs / 1000);
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
