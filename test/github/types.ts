/** What a test says to the local GitHub and learns from it. `startGitHub` in server.ts makes one. */

/**
 * api: REST, asset bodies included; web: the download addresses; blob: the signed addresses that bodies come from;
 * upload: the upload endpoint; foreign: a host that has nothing to do with GitHub and yet serves the right bytes.
 */
export type Route = "api" | "web" | "blob" | "upload" | "foreign";

/** How a body without its full length ends: content-length, chunked without the last chunk, or the connection's end. */
export type Framing = "length" | "chunked" | "close";

export type Certificate = "valid" | "self-signed" | "wrong-host" | "expired";

/**
 * What goes wrong. Bytes count from the start of the body of that answer; for reset and stall on an upload, of the body
 * that comes in. What can't go wrong on a route is refused by `fault`, or shows in `errors`.
 */
export type Fault =
  /**
   * The connection is reset: before the server has done anything, or when it has done its work, after so many bytes of
   * the body (fewer reach a client that is slow to read megabytes: a reset throws away what is on its way).
   */
  | { kind: "reset"; after?: number }
  /** The connection is closed in order after so many bytes of a longer body. `close` hides that from HTTP. */
  | { kind: "short"; after: number; framing: Framing }
  /** The byte at this offset of the file (default 0) is another one, whatever range was asked for. */
  | { kind: "corrupt"; at?: number }
  /** More bytes than the asset has; Infinity never ends. `length` announces what is sent, `lying` the asset's size. */
  | { kind: "long"; extra: number; framing: Framing | "lying" }
  /** An HTML page with status 200, as captive portals and error pages send it. */
  | { kind: "page" }
  /** An answer with this status in the form in which that route gives it (JSON, HTML, XML). */
  | {
      kind: "status";
      status: 401 | 403 | 404 | 408 | 410 | 416 | 418 | 500 | 502 | 503 | 504;
      retryAfter?: number | string;
    }
  /** Rate limited. `retryAfter` and `reset` in seconds from now; `secondary`: the abuse limit's message. */
  | { kind: "rate-limit"; status: 403 | 429; retryAfter?: number | string; reset?: number; secondary?: boolean }
  /** Redirects to itself, over and over (give it `times: Infinity`). */
  | { kind: "loop" }
  /** Redirects to the same bytes over plain http. */
  | { kind: "downgrade" }
  /** Redirects to the same bytes on the foreign host. */
  | { kind: "foreign" }
  /** Redirects to any address. */
  | { kind: "redirect"; to: string; status?: 301 | 302 | 303 | 307 | 308 }
  /** So many bytes, then none, and the connection stays open. `after: -1`: not even a header. */
  | { kind: "stall"; after: number }
  /** `bytes` at a time, `every` milliseconds. */
  | { kind: "drip"; bytes: number; every: number }
  /** The body comes with `content-encoding: gzip`, as it does through some proxies. */
  | { kind: "gzip" }
  /** The signed address has expired: 403 with the blob store's XML. */
  | { kind: "expired" }
  /** A content-length of one's own (a number or any text), or none; the body is whole. */
  | { kind: "length"; value: number | string | undefined }
  /**
   * A wrong answer to a Range request; other requests pass. `ignore`: 200 with the whole body; `start`, `total`: a Content-Range that is one
   * off there, and bytes to match; `none`: 206 without Content-Range; `unsatisfiable`: 416; `if-range`: 206 though
   * If-Range does not match.
   */
  | { kind: "range"; wrong: "ignore" | "start" | "total" | "none" | "unsatisfiable" | "if-range" }
  /** From this request on the asset has another ETag (and, with `bytes`, other content). */
  | { kind: "etag"; bytes?: Uint8Array }
  /** The next redirect of this route leads to a port that nothing listens on. */
  | { kind: "refused" }
  /** The next redirect of this route leads to a server with that certificate. */
  | { kind: "tls"; certificate: Exclude<Certificate, "valid"> };

/** Which requests a fault hits; each hit counts. The first fault that fits a request is the one. */
export interface Aim {
  on: Route;
  /** How many requests it hits; default 1. */
  times?: number;
  /** How many fitting requests pass first; default 0. */
  skip?: number;
  method?: string;
  /** Fits the request's path with query. */
  path?: RegExp;
  /**
   * upload only: what the server keeps of an upload that the fault hits. Default: `starter` for faults that end the
   * body early and for 502, else nothing. `uploaded`: all of it, only the answer is lost.
   */
  keeps?: "nothing" | "starter" | "uploaded";
}

/** One request as the server saw it. */
export interface Recorded {
  route: Route;
  method: string;
  /** Path with query. */
  path: string;
  /** Scheme, host and port it came to. */
  origin: string;
  headers: Record<string, string | string[] | undefined>;
  authorization: string | undefined;
  range: string | undefined;
  /** What was answered; undefined while nothing has been, or when the connection went without an answer. */
  status: number | undefined;
  /** Kind of the fault that it met. */
  fault: Fault["kind"] | undefined;
  /** Bytes of body that were written to the connection. */
  sent: number;
  /** Bytes of body that came in. */
  received: number;
}

export interface AssetSpec {
  name: string;
  /** Exactly one of these three: the bytes, a file that is served from disk, or a size whose content is made up. */
  bytes?: Uint8Array | string;
  file?: string;
  size?: number;
  /** What the API says of the digest; default right. */
  digest?: "right" | "null" | "missing" | "wrong";
  state?: "uploaded" | "starter";
  label?: string;
  contentType?: string;
}

export interface ReleaseSpec {
  tag: string;
  /** Default samcday/fastboop. A repository comes to be with its first release. */
  repo?: string;
  draft?: boolean;
  prerelease?: boolean;
  /** Immutable as soon as it is published; default: the option `immutableReleases`. */
  immutable?: boolean;
  /** Makes the repository private (or public again). */
  private?: boolean;
  name?: string;
  body?: string;
  assets?: AssetSpec[];
}

export interface Asset {
  readonly id: number;
  readonly name: string;
  readonly size: number;
  readonly state: "uploaded" | "starter";
  /** Lower-case hexadecimal, of the true content, whatever the API says. */
  readonly sha256: string;
  /** The web download address. */
  readonly url: string;
  /** Content from an offset to an offset (exclusive), for comparisons. */
  read(start?: number, end?: number): Promise<Buffer>;
}

export interface Release {
  readonly id: number;
  readonly tag: string;
  readonly draft: boolean;
  readonly immutable: boolean;
  /** The assets as they are now, in the order of their upload. */
  readonly assets: readonly Asset[];
  /** The asset of that name. @throws when there is none */
  asset(name: string): Asset;
}

export interface Options {
  /** https with certificates of the server's own CA; default false: plain http. */
  tls?: boolean;
  /** Laid out as an enterprise server: API below /api/v3, uploads below /api/uploads, all on one port. */
  enterprise?: boolean;
  /** The certificate of the web, API and upload origins; default valid. */
  certificate?: Certificate;
  /** Life of a signed address in milliseconds; default 300,000. */
  signatureLife?: number;
  /** What the API's asset endpoint answers to `Accept: application/octet-stream`; default redirect (302). */
  assetBody?: "redirect" | "direct";
  /** Publishing makes a release immutable, a setting of the repository; default false. */
  immutableReleases?: boolean;
  /** Requests an hour without a token; default 60, as GitHub has it. */
  anonymousLimit?: number;
  /** Port of the web origin; default any that is free. */
  port?: number;
}

export interface GitHub {
  /** GITHUB_SERVER_URL. */
  readonly server: string;
  /** GITHUB_API_URL. */
  readonly api: string;
  readonly uploads: string;
  /** Origin of the signed addresses. */
  readonly blobs: string;
  /** An origin of a host that has nothing to do with GitHub. */
  readonly foreign: string;
  /** An origin that nothing listens on. */
  readonly refused: string;
  /** PEM file of the CA, for NODE_EXTRA_CA_CERTS; without TLS it does not exist. */
  readonly caFile: string;
  /** Sees everything and may push. */
  readonly token: string;
  /** Sees private repositories, may not push, sees no drafts. */
  readonly readToken: string;
  /** Every secret that a log must not hold: the tokens, and the signatures handed out so far. */
  readonly secrets: readonly string[];
  readonly requests: readonly Recorded[];
  /** The requests of one route, as "GET /path" lines without query. */
  log(route?: Route): string[];
  /** Answers that broke GitHub's schema, and exceptions in the server. Every test asserts that there are none. */
  readonly errors: readonly string[];
  /** May be changed at any time. */
  readonly options: Pick<Required<Options>, "signatureLife" | "assetBody" | "anonymousLimit" | "immutableReleases">;
  addRelease(release: ReleaseSpec): Promise<Release>;
  /** The releases of a repository, drafts too, newest first. */
  releases(repo?: string): readonly Release[];
  fault(fault: Fault & Aim): void;
  /** Forgets faults, requests and rate limits, and with `releases` those too; addresses and secrets stay. */
  reset(what?: { releases?: boolean }): void;
  /** Ends every connection, stalled ones too, and frees the ports. */
  close(): Promise<void>;
}
