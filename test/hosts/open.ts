const open = new Set<AsyncDisposable>();

/** Has `server` closed at the end of the test file, whatever became of the test that started it. */
export function closeWithFile(server: AsyncDisposable): void {
  open.add(server);
}

/** Closes the last started first; closing one twice does no harm. */
export async function closeAll(): Promise<void> {
  const servers = [...open].reverse();
  open.clear();
  for (const server of servers) await server[Symbol.asyncDispose]();
}
