/** A client that shows an answer as it came over the wire, without a library's opinion of it. */
import { readFileSync } from "node:fs";
import * as net from "node:net";
import * as tls from "node:tls";

export interface RawAnswer {
  /** undefined when no header came. */
  status: number | undefined;
  headers: Record<string, string>;
  /** What came after the header, with chunked encoding undone. */
  body: Buffer;
  /** How it ended: the connection was closed in order, it was reset, or nothing more came and it is still open. */
  ended: "closed" | "reset" | "open";
  /** Whether a chunked body came with its last chunk; undefined for other bodies. */
  lastChunk: boolean | undefined;
}

export interface RawRequest {
  method?: string;
  headers?: Record<string, string>;
  body?: Uint8Array | string;
  /** PEM file that the server's certificate has to lead to. */
  caFile?: string;
  /**
   * Milliseconds without a byte after which the connection counts as open. They count only once `after` bytes of the
   * body have come (default 0, and header or not), so that a slow machine is no stalled connection.
   */
  quiet?: number;
  after?: number;
  /** Bytes after which the client has seen enough and goes. */
  enough?: number;
}

/** Sends one request and collects what comes back. @throws the system's error when there is no connection */
export function raw(address: string, request: RawRequest = {}): Promise<RawAnswer> {
  const url = new URL(address);
  const { method = "GET", body = "", caFile, quiet, after = 0, enough } = request;
  const target = { host: url.hostname, port: Number(url.port) };
  const pieces: Buffer[] = [];
  let size = 0;
  return new Promise((resolve, reject) => {
    const socket =
      url.protocol === "https:"
        ? tls.connect({
            ...target,
            ...(net.isIP(url.hostname) ? {} : { servername: url.hostname }),
            ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
          })
        : net.connect(target);
    let connected = false;
    let timer: NodeJS.Timeout | undefined;
    const finish = (ended: RawAnswer["ended"]): void => {
      clearTimeout(timer);
      resolve({ ...parse(Buffer.concat(pieces)), ended });
      socket.destroy();
    };
    const wait = (): void => {
      clearTimeout(timer);
      if (quiet === undefined || (after > 0 && parse(Buffer.concat(pieces)).body.length < after)) return;
      timer = setTimeout(() => finish("open"), quiet);
    };
    socket.on(url.protocol === "https:" ? "secureConnect" : "connect", () => {
      connected = true;
      const bytes = Buffer.from(body);
      const chunked = request.headers?.["transfer-encoding"] !== undefined;
      const sizing = bytes.length > 0 && !chunked ? { "content-length": String(bytes.length) } : {};
      const headers = { host: url.host, "user-agent": "raw", connection: "close", ...sizing, ...request.headers };
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
      socket.write(`${method} ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
      socket.write(bytes);
      wait();
    });
    socket.on("data", (piece: Buffer) => {
      pieces.push(piece);
      size += piece.length;
      if (enough !== undefined && size >= enough) finish("open");
      else wait();
    });
    socket.on("end", () => finish("closed"));
    socket.on("error", (error) => (connected ? finish("reset") : reject(error)));
    socket.on("close", () => finish("closed"));
  });
}

function parse(bytes: Buffer): Omit<RawAnswer, "ended"> {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return { status: undefined, headers: {}, body: bytes, lastChunk: undefined };
  const [first = "", ...lines] = bytes.subarray(0, end).toString().split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const rest = bytes.subarray(end + 4);
  const status = Number(first.split(" ")[1]);
  return headers["transfer-encoding"] === "chunked"
    ? { status, headers, ...unchunk(rest) }
    : { status, headers, body: rest, lastChunk: undefined };
}

/** Undoes chunked encoding (RFC 9112, section 7.1). */
function unchunk(bytes: Buffer): { body: Buffer; lastChunk: boolean } {
  const pieces: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = bytes.indexOf("\r\n", at);
    if (line < 0) return { body: Buffer.concat(pieces), lastChunk: false };
    const size = Number.parseInt(bytes.subarray(at, line).toString(), 16);
    if (size === 0) return { body: Buffer.concat(pieces), lastChunk: true };
    pieces.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}
