/** Small answers, whole: lists and JSON. */
import { contractFailure, printable } from "../errors.ts";
import { ask, captivePortal, looksLikeHtml, type Reply, type Request } from "../http.ts";
import { knob } from "../knobs.ts";
import { size } from "../log.ts";
import { PATIENCE, type Patience, persist, watched } from "./patience.ts";
import { expiredAddress, transientStatus } from "./status.ts";

/** A list of a thousand files is 100 KB, a page of a hundred releases with their assets and notes some MB. */
const LARGEST = 32 * 1024 * 1024;

/** The patience of this run. */
export const patience = (): Patience => ({
  ...PATIENCE,
  stall: knob("FASTBOOP_STAGE0_STALL_TIMEOUT") ?? PATIENCE.stall,
});

export type Whole = Omit<Reply, "body" | "discard"> & { bytes: Buffer };

/**
 * Asks until there is an answer that trying again would not change. Only what is safe to repeat is repeated.
 * @throws Failure for rate limits and for a server in trouble, once no attempt helps; HttpFailure as `ask`
 */
export function askWhole(address: string, request: Request, token: boolean): Promise<Whole> {
  const isRead = ["GET", "HEAD"].includes(request.method ?? "GET");
  const limits = isRead ? patience() : { ...patience(), tries: 1 };
  const { host } = new URL(address);
  return persist(
    () =>
      watched(printable(host), limits, async (signal, came) => {
        const { body, discard, ...reply } = await ask(address, { ...request, signal });
        came(0, printable(reply.url.host));
        const pieces: Uint8Array[] = [];
        let length = 0;
        for await (const piece of body) {
          pieces.push(piece);
          length += piece.length;
          came(piece.length);
          if (length <= LARGEST) continue;
          discard();
          throw contractFailure({
            what: `${printable(reply.url.host)} sends more than a list or an API answer takes`,
            expected: `at most ${size(LARGEST)}`,
            fix: "check the address",
          });
        }
        const bytes = Buffer.concat(pieces);
        const failure =
          expiredAddress(reply, address) ?? transientStatus(reply, token, reply.status === 403 ? bytes.toString() : "");
        if (failure !== undefined) throw failure;
        if (reply.status === 200 && looksLikeHtml(bytes)) throw captivePortal(reply.url);
        return { ...reply, bytes };
      }),
    limits,
  );
}
