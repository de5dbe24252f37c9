/** Answers on their way to the connection: as HTTP wants it, or exactly as wrong as a fault wants it. */
import * as http from "node:http";
import * as https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Writable } from "node:stream";
import { isDeno } from "../lib/harness.ts";
import type { KeyPair } from "./certificates.ts";
import { type Content, memory } from "./content.ts";
import type { Framing } from "./types.ts";

export interface Answer {
  status: number;
  /** Lower-case names. */
  headers: Record<string, string>;
  body: Content;
  /** Where in its file the body starts, for a fault that hits a byte of the file. */
  offset?: number;
}

export const answer = (status: number, headers: Record<string, string> = {}, body: string | Content = ""): Answer => ({
  status,
  headers,
  body: typeof body === "string" ? memory(body) : body,
});

/** How an answer is sent. Without one it is sent as it is, and the connection lives on. */
export interface Delivery {
  framing: Framing;
  /** Value of content-length with framing `length`; default the body's size. */
  length?: number | string;
  /** Bytes of the body after which nothing more is sent; -1: no header either. */
  limit?: number;
  drip?: { bytes: number; every: number };
  end: "close" | "reset" | "stall";
}

export interface Exchange {
  request: http.IncomingMessage;
  response: http.ServerResponse;
  /** Scheme, host and port that the request came to. */
  origin: string;
  /** Resets the connection below TLS, once the client has had time to read what it was sent. */
  reset(): Promise<void>;
}

export interface Listener {
  origin: string;
  close(): Promise<void>;
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
/**
 * Time for what is on its way to a client on the same machine to be read: a reset throws away what has not arrived, and
 * libuv shows an end instead of the reset to a client that finds both at once. The immediate lets a client in this very
 * process have its turn, however late the timer was.
 */
const arrival = async (): Promise<void> => {
  await pause(50);
  await new Promise((resolve) => setImmediate(resolve));
};

/**
 * Listens on loopback, without keeping the process alive: a test that fails before it closes its server has to end.
 * The handler must not throw.
 */
export async function listen(
  host: "localhost" | "127.0.0.1",
  port: number,
  keys: KeyPair | undefined,
  handle: (exchange: Exchange) => void,
): Promise<Listener> {
  /** TCP connections by the client's port, which the TLS connection on top of one shares. */
  const connections = new Map<number, Socket>();
  let origin = "";
  const onRequest = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    // Deno 2.9 never sends the answer to a request that a kept connection brings before the one before it is settled.
    if (isDeno) response.shouldKeepAlive = false;
    handle({
      request,
      response,
      origin,
      async reset() {
        const connection = connections.get(request.socket.remotePort ?? 0);
        await arrival();
        connection?.resetAndDestroy();
      },
    });
  };
  const settings = { keepAliveTimeout: 30_000, requestTimeout: 0 };
  const server =
    keys === undefined
      ? http.createServer(settings, onRequest)
      : https.createServer({ ...settings, ...keys }, onRequest);
  server.on("connection", (socket: Socket) => {
    const client = socket.remotePort ?? 0;
    connections.set(client, socket);
    socket.unref();
    socket.on("close", () => connections.delete(client));
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve, reject) => {
    server.on("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  server.unref();
  origin = `${keys === undefined ? "http" : "https"}://${host}:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of connections.values()) socket.destroy();
      }),
  };
}

/** Room for more, or false when the connection is gone. */
function roomIn(out: Writable): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (): void => {
      out.off("drain", done);
      out.off("close", done);
      resolve(!out.destroyed);
    };
    out.on("drain", done);
    out.on("close", done);
  });
}

/**
 * Sends an answer.
 * @param count called with the size of each piece of the body that goes out
 */
export async function send(
  exchange: Exchange,
  { status, headers, body }: Answer,
  delivery: Delivery | undefined,
  count: (bytes: number) => void,
): Promise<void> {
  const { request, response } = exchange;
  const bodiless = request.method === "HEAD" || status === 204 || status === 304;
  if (delivery === undefined) {
    const length = status === 204 ? {} : { "content-length": String(body.size) };
    response.writeHead(status, { ...length, ...headers });
    if (!bodiless) await pour(body, response, count);
    response.end();
    return;
  }
  await distort(exchange, { status, headers, body }, bodiless, delivery, count);
}

async function pour(body: Content, out: Writable, count: (bytes: number) => void): Promise<void> {
  for await (const piece of body.read(0, body.size)) {
    if (out.destroyed) return;
    count(piece.length);
    if (!out.write(piece) && !(await roomIn(out))) return;
  }
}

/** Writes to the connection past the HTTP server, whose care would get in the way. */
async function distort(
  exchange: Exchange,
  { status, headers, body }: Answer,
  bodiless: boolean,
  delivery: Delivery,
  count: (bytes: number) => void,
): Promise<void> {
  const { socket } = exchange.request;
  const { framing, limit = body.size, drip, end } = delivery;
  const chunked = framing === "chunked";
  if (limit >= 0) {
    const sizing = chunked
      ? { "transfer-encoding": "chunked" }
      : framing === "length"
        ? { "content-length": String(delivery.length ?? body.size) }
        : {};
    const lines = Object.entries({ ...headers, ...sizing, date: new Date().toUTCString(), connection: "close" });
    const head = [
      `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}`,
      ...lines.map(([name, value]) => `${name}: ${value}`),
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n`);
  }
  let sent = 0;
  const total = bodiless ? 0 : Math.min(Math.max(limit, 0), body.size);
  const put = async (piece: Buffer): Promise<boolean> => {
    count(piece.length);
    sent += piece.length;
    if (chunked) socket.write(`${piece.length.toString(16)}\r\n`);
    const room = socket.write(piece);
    if (chunked) socket.write("\r\n");
    return !socket.destroyed && (room || (await roomIn(socket)));
  };
  for await (const piece of body.read(0, total)) {
    const step = drip?.bytes ?? piece.length;
    for (let at = 0; at < piece.length; at += step) {
      if (drip !== undefined && sent > 0) await pause(drip.every);
      if (!(await put(piece.subarray(at, at + step)))) return;
    }
  }
  if (end === "close") {
    // A body that was meant to be cut keeps its last chunk to itself.
    if (chunked && total === body.size) socket.write("0\r\n\r\n");
    socket.end();
  } else if (end === "reset") {
    await exchange.reset();
  }
}
