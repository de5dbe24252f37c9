/** What can go wrong between us and a server, the same on both runtimes, and whether a retry can help. */
import { errorCode, Failure, type Problem, printable } from "../errors.ts";

/** An exchange that failed. Shown as any other Failure when nobody handles it. */
export class HttpFailure extends Failure {
  /** Whether the same request may well succeed a little later; no longer, once `retry` has given up. */
  transient: boolean;
  /** Seconds that the server asks to wait. */
  readonly retryAfter: number | undefined;

  constructor(
    problem: Problem,
    { transient = false, retryAfter }: { transient?: boolean; retryAfter?: number | undefined } = {},
  ) {
    super(3, problem);
    this.transient = transient;
    this.retryAfter = retryAfter;
  }
}

export const transientFailure = (problem: Problem, retryAfter?: number): HttpFailure =>
  new HttpFailure(problem, { transient: true, retryAfter });

const PROXY_FIX = "check the proxy's address, user and rules, or add the host to NO_PROXY";

export const proxyWantsUser = (proxy: string): HttpFailure =>
  new HttpFailure({
    what: "the proxy wants a user name and a password",
    got: `status 407 from ${proxy}`,
    fix: "put them into the proxy's address: http://user:password@host:port",
  });

export const proxyRefuses = (host: string, status: number): HttpFailure =>
  new HttpFailure({
    what: `the proxy does not open a connection to ${printable(host)}`,
    got: `status ${status}`,
    fix: PROXY_FIX,
  });

const WITHOUT_NETWORK =
  "without a network, set FASTBOOP_STAGE0_EMBED_PATH to a local file or FASTBOOP_STAGE0_MIRROR to a file: folder";
const OWN_CA =
  "if your network or server has a certificate authority of its own, set NODE_EXTRA_CA_CERTS=/path/to/ca.pem";

interface ErrorClass {
  /** `code` of a Node error; Deno's errors have none, and their messages tell. */
  codes: RegExp;
  messages: RegExp;
  what(host: string): string;
  fix: string;
  transient?: true;
  /** Comes from opening the connection, so with a proxy it is the proxy's. */
  connecting?: true;
}

/** The first that matches is the one. */
const ERROR_CLASSES: readonly ErrorClass[] = [
  {
    // Only Deno's client opens tunnels of its own.
    codes: /(?!)/,
    messages: /unsuccessful tunnel|proxy auth|for tunnel/i,
    what: (host) => `the proxy does not open a connection to ${host}`,
    fix: PROXY_FIX,
  },
  {
    codes: /^CERT_HAS_EXPIRED$|^CERT_NOT_YET_VALID$/,
    messages: /peer certificate: (Expired|NotValidYet)|certificate (has )?expired/i,
    what: (host) => `the certificate of ${host} is not valid now`,
    fix: "check this machine's clock; if it is right, the server's certificate has to be renewed",
  },
  {
    codes: /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    messages: /peer certificate: (NotValidForName|certificate not valid for name)/i,
    what: (host) => `the certificate that answers for ${host} is for another host`,
    fix: `check the address, and what answers there: a captive portal or a proxy may be in between; ${OWN_CA}`,
  },
  {
    codes: /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|ERR_TLS|ERR_SSL|EPROTO$)/,
    // A connection that ends in the middle has only ended.
    messages: /^(?!.*(close_notify|\beof\b)).*(certificate|InvalidContentType|handshake|\btls\b|\bssl\b)/is,
    what: (host) => `the TLS connection to ${host} can't be trusted`,
    fix: OWN_CA,
  },
  {
    codes: /^(ENOTFOUND|EAI_AGAIN|EAI_[A-Z]+)$/,
    messages: /dns error|failed to lookup/i,
    what: (host) => `the address of ${host} can't be found`,
    fix: `check the name; ${WITHOUT_NETWORK}`,
    transient: true,
    connecting: true,
  },
  {
    codes: /^(ENETUNREACH|EHOSTUNREACH|ENETDOWN|EADDRNOTAVAIL)$/,
    messages: /unreachable|network is down|cannot assign requested address/i,
    what: (host) => `${host} cannot be reached`,
    fix: WITHOUT_NETWORK,
    transient: true,
    connecting: true,
  },
  {
    codes: /^ECONNREFUSED$/,
    messages: /connection refused/i,
    what: (host) => `${host} refuses the connection`,
    fix: `check the address; ${WITHOUT_NETWORK}`,
    transient: true,
    connecting: true,
  },
  {
    codes: /^HPE_/,
    messages: /invalid HTTP|invalid header|parse/i,
    what: (host) => `${host} does not speak HTTP`,
    fix: "check the address",
  },
  {
    codes: /^ETIMEDOUT$/,
    messages: /timed out|timeout/i,
    what: (host) => `${host} does not answer`,
    fix: "run it again; the download is resumed",
    transient: true,
  },
  {
    codes: /^(ECONNRESET|EPIPE|ECONNABORTED)$/,
    messages:
      /reset|close_notify|handshake eof|closed|broken pipe|aborted|terminated|error reading a body|end of file|unexpected eof/i,
    what: (host) => `${host} broke the connection off`,
    fix: "run it again; the download is resumed",
    transient: true,
  },
];

/** The error at the bottom: Node wraps one error for each address that it tried, Deno nests causes. */
function innermost(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return innermost(error.errors[0]);
  return error instanceof Error && error.cause !== undefined ? innermost(error.cause) : error;
}

/**
 * A runtime's network error as an HttpFailure; undefined for any other error, such as a defect.
 * @param proxy the proxy that the request went through, without its credentials
 */
export function classify(error: unknown, host: string, proxy?: string): HttpFailure | undefined {
  const inner = innermost(error);
  const code = errorCode(inner) ?? "";
  // Deno's messages begin with the address, whose words must not be taken for the error's.
  const message = (inner instanceof Error ? inner.message : String(inner)).replace(/^.*?: client error \(\w+\): /, "");
  const found =
    ERROR_CLASSES.find(({ codes }) => codes.test(code)) ??
    // Other codes belong to other errors: a full disk's must not be taken for a network's.
    (code === "" ? ERROR_CLASSES.find(({ messages }) => messages.test(message)) : undefined);
  if (found === undefined) {
    // Deno's fetch refuses ports, addresses and headers by errors of no other kind, but for defects.
    const isDefect = /is not (a function|iterable|a constructor)|cannot (read|set) propert/i.test(message);
    if (!("deno" in process.versions) || !(error instanceof TypeError) || isDefect) return undefined;
    return new HttpFailure({
      what: `nothing can be asked of ${printable(host)}`,
      got: printable(message.slice(0, 200)),
      fix: "check the address and the proxy",
    });
  }
  const { what, fix, transient = false, connecting = false } = found;
  const got = printable(message.slice(0, 200) || code);
  const options = { transient };
  if (!connecting || proxy === undefined) return new HttpFailure({ what: what(printable(host)), got, fix }, options);
  const proxyFix = `check the proxy, or add ${printable(host)} to NO_PROXY`;
  return new HttpFailure({ what: what(`the proxy ${printable(proxy)}`), got, fix: proxyFix }, options);
}
