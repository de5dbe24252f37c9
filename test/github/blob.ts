/** Bodies of assets: the web addresses that lead to them, the signed addresses, and ranges (RFC 9110, section 14). */
import { type Part, partial } from "./faults.ts";
import type { StoredAsset } from "./store.ts";
import type { Fault } from "./types.ts";
import { type Answer, answer } from "./wire.ts";
import type { Call, World } from "./world.ts";

export const BLOB_PATH = "/github-production-release-asset/";

export function redirectToBlob({ signer, options, blobs }: World, asset: StoredAsset): Answer {
  asset.downloads++;
  return answer(302, { location: `${blobs}${signer.path(asset, options.signatureLife)}` });
}

const absent = (): Answer => answer(404, { "content-type": "text/plain; charset=utf-8" }, "Not Found");

/**
 * The web download addresses. They know no token: drafts and private repositories are not there for them.
 */
export function web(world: World, call: Call): Answer {
  const pattern = /^\/([^/]+\/[^/]+)\/releases\/(?:(latest)\/download|download\/(.+))\/([^/]+)$/;
  const [, fullName = "", latest, encodedTag = "", encodedName = ""] = pattern.exec(call.url.pathname) ?? [];
  const repository = world.store.find(fullName);
  if (repository === undefined || repository.private || !/^(GET|HEAD)$/.test(call.method)) return absent();
  const [tag, name] = [decodeURIComponent(encodedTag), decodeURIComponent(encodedName)];
  if (latest !== undefined) {
    const release = repository.latest();
    return release === undefined ? absent() : answer(302, { location: release.assetUrl(name) });
  }
  const asset = repository.published(tag)?.assets.find((candidate) => candidate.name === name);
  return asset?.state === "uploaded" ? redirectToBlob(world, asset) : absent();
}

const xml = (status: number, code: string, message: string): Answer =>
  answer(
    status,
    { "content-type": "application/xml", "x-ms-error-code": code },
    `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`,
  );

export const expired = (detail: string): Answer =>
  xml(403, "AuthenticationFailed", `Server failed to authenticate the request. ${detail}`);

/**
 * The signed addresses.
 * @param strict whether signatures and stray credentials are refused; the foreign host takes anything
 */
export async function blob(world: World, call: Call, strict: boolean): Promise<Answer> {
  const [, , , key] = call.url.pathname.split("/");
  const asset = world.store.asset((candidate) => candidate.key === key);
  if (strict && call.headers.authorization !== undefined) {
    return xml(400, "InvalidAuthenticationInfo", "Authentication information is not given in the correct format.");
  }
  const rejected = strict ? world.signer.reject(call.url) : undefined;
  if (rejected !== undefined) return expired(rejected);
  if (asset === undefined || asset.state === "starter")
    return xml(404, "BlobNotFound", "The specified blob does not exist.");
  if (call.fault?.kind === "etag") await asset.replace(call.fault.bytes);
  return serveBody(asset, call);
}

/** An asset's body, or the part of it that the request asks for. */
export function serveBody(asset: StoredAsset, { headers, fault }: Call): Answer {
  const { content, etag, updatedAt, name, contentType } = asset;
  const modified = updatedAt.toUTCString();
  const described = {
    "content-type": contentType,
    "content-disposition": `attachment; filename=${name}`,
    "accept-ranges": "bytes",
    etag,
    "last-modified": modified,
  };
  if (headers["if-none-match"] === etag) return answer(304, described);
  const wrong: (Fault & { kind: "range" })["wrong"] | undefined = fault?.kind === "range" ? fault.wrong : undefined;
  const condition = headers["if-range"];
  const current = condition === undefined || condition === etag || condition === modified || wrong === "if-range";
  const part = current && wrong !== "ignore" ? rangeOf(String(headers.range ?? ""), content.size) : undefined;
  if (part === "unsatisfiable" || wrong === "unsatisfiable") {
    const refused = xml(416, "InvalidRange", "The range specified is invalid for the current size of the resource.");
    return { ...refused, headers: { ...refused.headers, "content-range": `bytes */${content.size}` } };
  }
  const whole: Answer = { status: 200, headers: {}, body: content, offset: 0 };
  const sent = part === undefined ? whole : partial(content, part, wrong);
  return { ...sent, headers: { ...described, ...sent.headers } };
}

/** The range that a header asks for; undefined for none or one that may be ignored, such as several. */
function rangeOf(header: string, size: number): Part | "unsatisfiable" | undefined {
  const [, first = "", last = ""] = /^bytes=([0-9]*)-([0-9]*)$/.exec(header) ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "")
    return last === "0" || size === 0 ? "unsatisfiable" : { start: Math.max(size - Number(last), 0), end: size };
  const [start, end] = [Number(first), Math.min(last === "" ? size : Number(last) + 1, size)];
  if (last !== "" && Number(last) < start) return undefined;
  return start >= size ? "unsatisfiable" : { start, end };
}
