/** Proxies by the variables that curl and everyone else reads. Deno obeys them itself; Node does through undici. */
import { knob } from "../knobs.ts";

export interface Proxies {
  /** For http:// and https:// addresses; undefined: none. */
  http: string | undefined;
  https: string | undefined;
  /** NO_PROXY: hosts and domains, with commas or spaces between them. */
  except: string;
}

export function proxies(): Proxies {
  const all = knob("all_proxy") ?? knob("ALL_PROXY");
  return {
    http: knob("http_proxy") ?? knob("HTTP_PROXY") ?? all,
    https: knob("https_proxy") ?? knob("HTTPS_PROXY") ?? all,
    except: knob("no_proxy") ?? knob("NO_PROXY") ?? "",
  };
}

/** The proxy that an address is asked through, without its credentials; undefined: none. */
export function proxyFor(url: URL, { http, https, except }: Proxies = proxies()): string | undefined {
  const proxy = url.protocol === "https:" ? https : http;
  if (proxy === undefined || except.split(/[\s,]+/).some((entry) => covers(entry, url))) return undefined;
  return new URL(proxy).origin;
}

function covers(entry: string, { hostname, port, protocol }: URL): boolean {
  const [, name = "", only] = /^(.*?)(?::([0-9]+))?$/.exec(entry.toLowerCase()) ?? [];
  const domain = name.replace(/^\*?\./, "");
  if (name === "" || (only !== undefined && only !== (port || (protocol === "https:" ? "443" : "80")))) return false;
  return domain === "*" || hostname === domain || hostname.endsWith(`.${domain}`);
}
