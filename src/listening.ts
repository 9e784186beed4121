/** Listening on an address that settings name, and why that cannot be. */
import type { AddressInfo, Server } from "node:net";
import { SluiceError } from "./errors.ts";

/**
 * How many connections the system takes before this process does, which takes one in each turn of its event loop, and
 * over TLS has a handshake to do for each. Those beyond come a second later or more, when the system tries again. At
 * most net.core.somaxconn, which is the same on Linux; Node's own is 511.
 */
const backlog = 4096;

export type ListenGroup = "http" | "admin";

/**
 * @param group whose `host` and `port` it listens on
 * @returns the address listened on
 * @throws SluiceError port_in_use, config_invalid
 */
export function listen(server: Server, group: ListenGroup, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const failed = (thrown: NodeJS.ErrnoException): void => reject(listenError(thrown, group, host, port));
    server.once("error", failed);
    server.listen(port, host, backlog, () => {
      server.off("error", failed);
      resolve(server.address() as AddressInfo);
    });
  });
}

function listenError(
  cause: NodeJS.ErrnoException,
  group: ListenGroup,
  host: string,
  port: number,
): SluiceError {
  const [portVariable, hostVariable] = [
    `SLUICE_${group.toUpperCase()}_PORT`,
    `SLUICE_${group.toUpperCase()}_HOST`,
  ];
  const invalid = (text: string): SluiceError => new SluiceError("config_invalid", text, { cause });
  switch (cause.code) {
    case "EADDRINUSE": {
      const text = `${group}.port ${port} on ${host} is taken by another process (ss -ltnp names it): end that, or choose another port with ${portVariable}`;
      return new SluiceError("port_in_use", text, { cause });
    }
    case "EACCES":
      return invalid(
        `${group}.port ${port} needs a right, as all below 1024 do (EACCES): choose another with ${portVariable}, or give CAP_NET_BIND_SERVICE`,
      );
    case "EADDRNOTAVAIL":
      return invalid(
        `${group}.host ${host} is no address of this machine (EADDRNOTAVAIL): choose one that ip addr shows, with ${hostVariable}`,
      );
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return invalid(
        `${group}.host ${host} is no name that this machine can resolve (${cause.code}): choose an address with ${hostVariable}`,
      );
    default:
      return invalid(
        `${group}.host ${host}, ${group}.port ${port}: cannot be listened on (${cause.code ?? cause.message}): choose others with ${hostVariable} and ${portVariable}`,
      );
  }
}
