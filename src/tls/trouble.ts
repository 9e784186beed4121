/** What failed in TLS, by the codes of Node and OpenSSL, in words that name the setting. */

export interface TlsTrouble {
  /** `denied`: the other side refuses our certificate; `untrusted`: we refuse its. */
  readonly kind: "denied" | "untrusted";
  readonly text: string;
}

const unknownCa: ReadonlySet<string> = new Set([
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "CERT_UNTRUSTED",
  "CERT_SIGNATURE_FAILURE",
]);

/**
 * @param group the settings' name: `kafka.tls`
 * @param plain how TLS is turned off and on: `kafka.tls.enabled`
 * @returns null when it has nothing to do with TLS
 */
export function tlsTrouble(code: string, text: string, group: string, plain: string): TlsTrouble | null {
  const untrusted = (why: string): TlsTrouble => ({ kind: "untrusted", text: why });
  if (unknownCa.has(code)) {
    return untrusted(
      `its certificate is signed by a CA that is not trusted (${code}): name that CA's file in ${group}.ca`,
    );
  }
  if (code === "CERT_HAS_EXPIRED") {
    return untrusted(`its certificate, or its CA's, has expired (${code}): it must be renewed there`);
  }
  if (code === "CERT_NOT_YET_VALID") {
    return untrusted(
      `its certificate is not valid yet (${code}): is the clock of one of the machines wrong?`,
    );
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    const why = text.replace(/^.*?altnames: /, "");
    return untrusted(`its certificate is for another name (${why}): use a name that is in it`);
  }
  if (
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|UNKNOWN_PROTOCOL/.test(code) ||
    /wrong version number/.test(text)
  ) {
    return untrusted(`it does not speak TLS on this port: use the one that does, or turn off TLS (${plain})`);
  }
  if (code === tlsWanted) return untrusted(`it wants TLS on this port: turn it on (${plain})`);
  if (
    /ALERT_(PROTOCOL_VERSION|HANDSHAKE_FAILURE)|UNSUPPORTED_PROTOCOL|NO_PROTOCOLS|DH_KEY_TOO_SMALL/.test(code)
  ) {
    return untrusted(
      `it speaks no version or cipher of TLS that we do (${code}): allow TLS 1.2 or 1.3 there`,
    );
  }
  if (/ALERT|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|CERTIFICATE_REQUIRED|UNKNOWN_CA/.test(code)) {
    const why = /CERTIFICATE_REQUIRED/.test(code) ? "wants a certificate of ours" : "refuses our certificate";
    return { kind: "denied", text: `it ${why} (${code}): see ${group}.cert and ${group}.key` };
  }
  return null;
}

/** Of a connection without TLS that was answered with an alert of TLS. */
export const tlsWanted = "SLUICE_TLS_WANTED";

/** Whether the first bytes of an answer are an alert of TLS (RFC 8446, 5.1 and 6). */
export function isTlsAlert(first: Buffer): boolean {
  return first.length >= 2 && first[0] === 0x15 && first[1] === 0x03;
}
