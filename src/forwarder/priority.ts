/** A thread that yields to others of its process where the processor is short. */
import { readlinkSync } from "node:fs";
import { getPriority, setPriority } from "node:os";

/** A third of what others get, where all of them want more than there is (sched(7): each step is a fifth less). */
const steps = 5;
const lowest = 19;

/**
 * Lets the thread that calls yield to the others; where the system has no such thing, or does not allow it, nothing is
 * changed. On Linux a priority is a thread's own (setpriority(2), "C library/kernel differences"), and those that it starts have
 * it from it: libuv's threads, which bring the journal to disk, must have been started before, by another one.
 */
export function yieldToOthers(): void {
  try {
    // Without a promise: another thread would read its own name.
    const thread = Number(readlinkSync("/proc/thread-self").split("/").at(-1));
    if (thread > 0) setPriority(thread, Math.min(lowest, getPriority(thread) + steps));
  } catch {
    // Nothing depends on it.
  }
}
