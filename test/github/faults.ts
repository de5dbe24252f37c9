/** Which request meets which fault, and what a fault makes of an answer. */

import { Readable } from "node:stream";
import { createGzip } from "node:zlib";
import { type Content, memory, slice } from "./content.ts";
import type { Aim, Fault, Recorded, Route } from "./types.ts";
import type { Answer, Delivery } from "./wire.ts";

export type Planned = Fault & Aim;

const ROUTES: Partial<Record<Fault["kind"], readonly Route[]>> = {
  expired: ["blob"],
  range: ["blob", "foreign"],
  etag: ["blob", "foreign"],
  refused: ["web", "api"],
  tls: ["web", "api"],
};

/** The faults that are yet to happen. */
export class Faults {
  private planned: { fault: Planned; left: number; toSkip: number }[] = [];
  private readonly tls: boolean;

  constructor(tls: boolean) {
    this.tls = tls;
  }

  /** @throws Error when the fault can't happen there */
  plan(fault: Planned): void {
    const routes = ROUTES[fault.kind];
    if (routes !== undefined && !routes.includes(fault.on)) {
      throw new Error(`the fault ${fault.kind} can't happen on ${fault.on}, only on ${routes.join(" and ")}`);
    }
    if (fault.kind === "long" && fault.extra === Infinity && fault.framing === "length") {
      throw new Error("no content-length announces an endless body; take another framing");
    }
    if (fault.keeps !== undefined && fault.on !== "upload") throw new Error("`keeps` is for uploads");
    if (!this.tls && (fault.kind === "downgrade" || fault.kind === "tls")) {
      throw new Error(`the fault ${fault.kind} needs the server to have TLS`);
    }
    this.planned.push({ fault, left: fault.times ?? 1, toSkip: fault.skip ?? 0 });
  }

  clear(): void {
    this.planned = [];
  }

  /** The fault that this request meets, which counts as a hit. */
  take(request: Recorded): Planned | undefined {
    for (const plan of this.planned) {
      if (plan.left <= 0 || !fits(plan.fault, request)) continue;
      if (plan.toSkip > 0) {
        plan.toSkip--;
        continue;
      }
      plan.left--;
      return plan.fault;
    }
    return undefined;
  }
}

function fits(fault: Planned, request: Recorded): boolean {
  if (fault.on !== request.route) return false;
  if (fault.method !== undefined && fault.method !== request.method) return false;
  if (fault.path !== undefined && !fault.path.test(request.path)) return false;
  if (fault.kind !== "range") return true;
  return request.range !== undefined && (fault.wrong !== "if-range" || request.headers["if-range"] !== undefined);
}

/** A content whose pieces are changed on the way out. */
const changed = (content: Content, change: (piece: Buffer, at: number) => Buffer): Content => ({
  size: content.size,
  async *read(start, end) {
    let at = start;
    for await (const piece of content.read(start, end)) {
      yield change(piece, at);
      at += piece.length;
    }
  },
});

function flipped(piece: Buffer, at: number): Buffer {
  if (at < 0 || at >= piece.length) return piece;
  const copy = Buffer.from(piece);
  copy.writeUInt8(copy.readUInt8(at) ^ 0xff, at);
  return copy;
}

const FILLER = Buffer.alloc(64 * 1024, "stage0 has no such bytes ");
const longer = (content: Content, extra: number): Content => ({
  size: content.size + extra,
  async *read(start, end) {
    yield* content.read(start, Math.min(end, content.size));
    for (let at = Math.max(start, content.size); at < end; at += FILLER.length) {
      yield FILLER.subarray(0, Math.min(FILLER.length, end - at));
    }
  },
});

async function gzipped(content: Content): Promise<Content> {
  const pieces: Buffer[] = [];
  for await (const piece of Readable.from(content.read(0, content.size)).pipe(createGzip())) pieces.push(piece);
  return memory(Buffer.concat(pieces));
}

/** What a fault makes of an answer that is otherwise right: another body, another way to send it, or both. */
export async function apply(fault: Planned, right: Answer): Promise<{ answer: Answer; delivery?: Delivery }> {
  const { body, offset = 0 } = right;
  switch (fault.kind) {
    case "reset":
      return { answer: right, delivery: { framing: "length", limit: fault.after ?? -1, end: "reset" } };
    case "stall":
      return { answer: right, delivery: { framing: "length", limit: fault.after, end: "stall" } };
    case "short":
      return { answer: right, delivery: { framing: fault.framing, limit: fault.after, end: "close" } };
    case "drip":
      return { answer: right, delivery: { framing: "length", drip: fault, end: "close" } };
    case "length": {
      const framing = fault.value === undefined ? "close" : "length";
      return { answer: right, delivery: { framing, length: fault.value ?? "", end: "close" } };
    }
    case "corrupt": {
      const target = (fault.at ?? 0) - offset;
      return { answer: { ...right, body: changed(body, (piece, at) => flipped(piece, target - at)) } };
    }
    case "long": {
      const sizing: Pick<Delivery, "framing" | "length"> =
        fault.framing === "lying" ? { framing: "length", length: body.size } : { framing: fault.framing };
      return { answer: { ...right, body: longer(body, fault.extra) }, delivery: { ...sizing, end: "close" } };
    }
    case "gzip":
      return {
        answer: { ...right, headers: { ...right.headers, "content-encoding": "gzip" }, body: await gzipped(body) },
      };
    default:
      return { answer: right };
  }
}

/** The part of a file that a Range header asks for. */
export interface Part {
  start: number;
  /** Exclusive. */
  end: number;
}

/** A 206 that is wrong in that way, or right when the fault has another one. */
export function partial(whole: Content, { start, end }: Part, wrong?: (Fault & { kind: "range" })["wrong"]): Answer {
  const from = wrong !== "start" ? start : start > 0 ? start - 1 : 1;
  const total = whole.size + (wrong === "total" ? 1 : 0);
  return {
    status: 206,
    headers: wrong === "none" ? {} : { "content-range": `bytes ${from}-${end - 1}/${total}` },
    body: slice(whole, from, end),
    offset: from,
  };
}
