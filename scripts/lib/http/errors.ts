/** What can go wrong between us and a server, told apart on both runtimes, and whether trying again can help. */
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

const WITHOUT_NETWORK =
  "without a network, set FASTBOOP_STAGE0_EMBED_PATH to a local file or FASTBOOP_STAGE0_MIRROR to a file: folder";
const OWN_CA =
  "if your network or server has a certificate authority of its own, set NODE_EXTRA_CA_CERTS=/path/to/ca.pem";

interface Class {
  /** `code` of a Node error; Deno's errors have none, and their messages tell. */
  codes: RegExp;
  messages: RegExp;
  problem(host: string): Problem;
  transient?: true;
  /** Comes from opening the connection, so with a proxy it is the proxy's. */
  connecting?: true;
}

/** The first class that fits is the one. */
const CLASSES: readonly Class[] = [
  {
    codes: /^UND_ERR_PRX_TLS$/,
    messages: /Proxy response \((\d+)\)|unsuccessful tunnel|proxy authoriz/i,
    problem: (host) => ({
      what: `the proxy does not open a connection to ${host}`,
      fix: "check the proxy's address, user and rules, or add the host to NO_PROXY",
    }),
  },
  {
    codes: /^CERT_HAS_EXPIRED$|^CERT_NOT_YET_VALID$/,
    messages: /peer certificate: (Expired|NotValidYet)|certificate (has )?expired/i,
    problem: (host) => ({
      what: `the certificate of ${host} is not valid now`,
      fix: "check this machine's clock; if it is right, the server's certificate has to be renewed",
    }),
  },
  {
    codes: /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    messages: /peer certificate: (NotValidForName|certificate not valid for name)/i,
    problem: (host) => ({
      what: `the certificate that answers for ${host} is for another host`,
      fix: `check the address, and what answers there: a captive portal or a proxy may be in between; ${OWN_CA}`,
    }),
  },
  {
    codes: /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|ERR_TLS|ERR_SSL|EPROTO$)/,
    messages: /peer certificate|certificate|InvalidContentType|handshake|\btls\b|\bssl\b/i,
    problem: (host) => ({ what: `the TLS connection to ${host} can't be trusted`, fix: OWN_CA }),
  },
  {
    codes: /^(ENOTFOUND|EAI_AGAIN|EAI_[A-Z]+)$/,
    messages: /dns error|failed to lookup/i,
    problem: (host) => ({ what: `the address of ${host} can't be found`, fix: `check the name; ${WITHOUT_NETWORK}` }),
    transient: true,
    connecting: true,
  },
  {
    codes: /^(ENETUNREACH|EHOSTUNREACH|ENETDOWN|EADDRNOTAVAIL)$/,
    messages: /unreachable|network is down|cannot assign requested address/i,
    problem: (host) => ({ what: `there is no way to ${host} from here`, fix: WITHOUT_NETWORK }),
    transient: true,
    connecting: true,
  },
  {
    codes: /^ECONNREFUSED$/,
    messages: /connection refused/i,
    problem: (host) => ({ what: `${host} refuses the connection`, fix: `check the address; ${WITHOUT_NETWORK}` }),
    transient: true,
    connecting: true,
  },
  {
    codes: /^HPE_/,
    messages: /invalid HTTP|invalid header|parse/i,
    problem: (host) => ({ what: `${host} does not speak HTTP`, fix: "check the address" }),
  },
  {
    codes: /^(ETIMEDOUT|UND_ERR_[A-Z_]*TIMEOUT)$/,
    messages: /timed out|timeout/i,
    problem: (host) => ({ what: `${host} does not answer`, fix: "run it again; a break is resumed where it was" }),
    transient: true,
  },
  {
    codes: /^(ECONNRESET|EPIPE|ECONNABORTED|UND_ERR_SOCKET|UND_ERR_RES_CONTENT_LENGTH_MISMATCH)$/,
    messages: /reset|closed|broken pipe|aborted|terminated|error reading a body|end of file|unexpected eof/i,
    problem: (host) => ({
      what: `${host} broke the connection off`,
      fix: "run it again; a break is resumed where it was",
    }),
    transient: true,
  },
];

/** The innermost errors of an error: Node wraps one error for each address tried, Deno puts the cause inside. */
function innermost(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return innermost(error.errors[0]);
  return error instanceof Error && error.cause !== undefined ? innermost(error.cause) : error;
}

/**
 * A runtime's network error as a HttpFailure; undefined when it is none, a defect say.
 * @param proxy the proxy that the request went through, as it may be shown
 */
export function classify(error: unknown, host: string, proxy?: string): HttpFailure | undefined {
  const inner = innermost(error);
  const code = errorCode(inner) ?? "";
  // Deno's messages begin with the address, whose words must not be taken for the error's.
  const message = (inner instanceof Error ? inner.message : String(inner)).replace(/^.*?: client error \(\w+\): /, "");
  const found =
    CLASSES.find(({ codes }) => codes.test(code)) ??
    // Other codes belong to other errors: a full disk's must not be taken for a network's.
    (code === "" || code.startsWith("UND_ERR") ? CLASSES.find(({ messages }) => messages.test(message)) : undefined);
  if (found === undefined) return undefined;
  const peer = found.connecting && proxy !== undefined ? `the proxy ${printable(proxy)}` : printable(host);
  const problem = { got: printable(message || code), ...found.problem(peer) };
  if (peer !== host && found.connecting) problem.fix = `check the proxy, or add ${printable(host)} to NO_PROXY`;
  return new HttpFailure(problem, { transient: found.transient ?? false });
}
