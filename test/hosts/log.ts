interface SawOptions {
  timeoutMs?: number;
  /** Lines before this index don't count. */
  from?: number;
  /** When this settles first, waiting has failed. */
  unless?: Promise<void>;
}

/** What a server wrote, line by line, and a way to wait for a line. */
export class Log {
  readonly lines: string[] = [];
  readonly #watching = new Set<(line: string) => void>();

  add(line: string): void {
    this.lines.push(line);
    for (const look of [...this.#watching]) look(line);
  }

  /** Is told each line to come, until what it returns is called. */
  watch(look: (line: string) => void): () => void {
    this.#watching.add(look);
    return () => void this.#watching.delete(look);
  }

  /** The last lines, for an error's text. */
  tail(count = 20): string {
    return this.lines.slice(-count).join("\n");
  }

  /** The first line that matches, written already or still to come. */
  saw(pattern: RegExp, { timeoutMs = 30_000, from = 0, unless }: SawOptions = {}): Promise<string> {
    const seen = this.lines.slice(from).find((line) => pattern.test(line));
    if (seen !== undefined) return Promise.resolve(seen);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const fail = (why: string): void => reject(new Error(`${why} ${pattern}:\n${this.tail()}`));
    const look = (line: string): void => {
      if (pattern.test(line)) resolve(line);
    };
    this.#watching.add(look);
    const timer = setTimeout(() => fail(`no line within ${timeoutMs} ms matched`), timeoutMs);
    void unless?.then(() => fail("ended before a line matched"));
    return promise.finally(() => {
      clearTimeout(timer);
      this.#watching.delete(look);
    });
  }
}
