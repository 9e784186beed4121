/**
 * SIGHUP: somebody asks for a reload, or the terminal that the program was started from is gone.
 *
 * Nobody would see or stop a bridge any more that goes on behind a closed window, so that ends it, as SIGTERM does.
 */
import { isatty } from "node:tty";

const standard = [0, 1, 2];

/** To be called at the start, while the terminal is there. */
export function onHangup(reload: () => void, end: () => void): void {
  const fromTerminal = standard.some((fd) => isatty(fd));
  process.on("SIGHUP", () => {
    const isGone = fromTerminal && !standard.some((fd) => isatty(fd));
    if (isGone) end();
    else reload();
  });
}
