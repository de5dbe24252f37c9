/** Proxies by the variables that curl reads. Deno uses them itself. */
import { knob } from "../knobs.ts";

interface Proxies {
  /** For http:// and https:// addresses; undefined: none. */
  http: string | undefined;
  https: string | undefined;
  /** NO_PROXY: hosts and domains, with commas or spaces between them. */
  except: string;
}

/** Each is read only when needed: a socks:// address in all_proxy does no harm beside an https_proxy. */
function proxies(): Proxies {
  const all = (): string | undefined => knob("all_proxy") ?? knob("ALL_PROXY");
  return {
    get http() {
      return knob("http_proxy") ?? knob("HTTP_PROXY") ?? all();
    },
    get https() {
      return knob("https_proxy") ?? knob("HTTPS_PROXY") ?? all();
    },
    get except() {
      return knob("no_proxy") ?? knob("NO_PROXY") ?? "";
    },
  };
}

/** The proxy for an address, with its credentials; undefined: none. */
export function proxyAddress(url: URL, given: Proxies = proxies()): string | undefined {
  const entries = given.except.toLowerCase().split(/[\s,]+/);
  if (entries.some((entry) => covers(entry, url))) return undefined;
  return url.protocol === "https:" ? given.https : given.http;
}

/** The same without credentials, for messages. */
export function proxyOrigin(url: URL, given?: Proxies): string | undefined {
  const proxy = proxyAddress(url, given);
  return proxy && new URL(proxy).origin;
}

/** @param entry of NO_PROXY, in lower case as a URL's host is */
function covers(entry: string, { hostname, port, protocol }: URL): boolean {
  // An IPv6 address has colons and no port.
  if (hostname === `[${entry}]`) return true;
  const [, name = "", only] = /^(.*?)(?::([0-9]+))?$/.exec(entry) ?? [];
  const domain = name.replace(/^\*?\./, "");
  if (name === "" || (only !== undefined && only !== (port || (protocol === "https:" ? "443" : "80")))) return false;
  return domain === "*" || hostname === domain || hostname.endsWith(`.${domain}`);
}
