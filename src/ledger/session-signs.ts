/** What has been seen of a session, as bits, and what it lacks by that. */
import type { SessionFault } from "./report.ts";

export const sign = {
  started: 1,
  /** Refused after it had been started. */
  refused: 2,
  /** A close names it. */
  closed: 4,
  announced: 8,
  inferred: 16,
  /** The announced end says that it takes the place of an inferred one. */
  succeeds: 32,
  /** Two closes say that they ended it. */
  torn: 64,
} as const;

const none: readonly SessionFault[] = [];
const byState = new Map<number, readonly SessionFault[]>();

/** @param close what stands for the close that its end or a close names; 0 for none */
export function faultsOf(signs: number, close: number): readonly SessionFault[] {
  // So few differ that each is worked out once.
  const state = close === 0 ? signs : signs | 128;
  const known = byState.get(state);
  if (known !== undefined) return known;
  const faults = workedOut(signs, close !== 0);
  byState.set(state, faults.length === 0 ? none : faults);
  return byState.get(state)!;
}

function workedOut(signs: number, isByClose: boolean): SessionFault[] {
  const has = (one: keyof typeof sign): boolean => (signs & sign[one]) !== 0;
  const isEnded = has("announced") || has("inferred");
  const isOver = isEnded || has("refused") || has("closed");
  const faults: SessionFault[] = [];
  if (isOver && !has("started")) faults.push("unstarted");
  if ((has("closed") && !has("announced")) || (has("refused") && !isEnded)) faults.push("unended");
  if (has("announced") && isByClose && !has("closed")) faults.push("unclosed");
  if (has("succeeds") && !has("inferred")) faults.push("unfounded");
  if (has("torn") || (has("announced") && has("inferred") && !has("succeeds"))) faults.push("contradictory");
  return faults;
}

/** 16 bits that stand for the id of a close; 0 for none. */
export function closeMark(id: string | null): number {
  if (id === null) return 0;
  let mark = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) mark = Math.imul(mark ^ id.charCodeAt(at), 0x01000193);
  return (mark ^ (mark >>> 16)) & 0xffff || 1;
}
