/** Wakes whoever waits. */
export class Signal {
  #wake: (() => void) | null = null;

  set(): void {
    this.#wake?.();
  }

  /** Resolves at the first `set` from now on; one waiter at a time. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
