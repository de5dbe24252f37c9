/** A connection through a proxy, by CONNECT (RFC 9110, section 9.3.6). Deno's fetch makes its own. */
import { isIP, type Socket } from "node:net";
import { connect } from "node:tls";
import { printable } from "../errors.ts";
import { proxyRefuses, proxyWantsUser } from "./errors.ts";

/**
 * Connects to the host of an address, with TLS for https.
 * @param tls settings of every TLS connection
 * @throws HttpFailure when the proxy opens no connection, else the system's error
 */
export async function throughProxy(proxy: URL, url: URL, tls: object, signal: AbortSignal): Promise<Socket> {
  const { request } = proxy.protocol === "https:" ? await import("node:https") : await import("node:http");
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const authority = `${url.hostname}:${url.port || (url.protocol === "https:" ? 443 : 80)}`;
  const user = [proxy.username, proxy.password].map(decodeURIComponent).join(":");
  const address = new URL(proxy.origin);
  return new Promise((resolve, reject) => {
    const headers = {
      host: authority,
      ...(user !== ":" && { "proxy-authorization": `Basic ${Buffer.from(user).toString("base64")}` }),
    };
    const asked = request(address, { method: "CONNECT", path: authority, headers, agent: false, ...tls, signal });
    asked.on("connect", ({ statusCode = 0 }, socket, head) => {
      // An error after everybody has left concerns nobody.
      socket.on("error", () => {});
      if (statusCode !== 200) {
        socket.destroy();
        return reject(
          statusCode === 407 ? proxyWantsUser(printable(address.origin)) : proxyRefuses(authority, statusCode),
        );
      }
      socket.unshift(head);
      // At once: an end that the plain socket has read would be seen by nobody.
      const isTls = url.protocol === "https:";
      const name = isIP(host) === 0 && { servername: host };
      resolve(isTls ? connect({ socket: socket as Socket, host, ...name, ...tls }) : (socket as Socket));
    });
    asked.on("error", reject).end();
  });
}
