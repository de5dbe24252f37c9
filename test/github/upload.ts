/** The upload endpoint: bodies go to disk as they come in and are hashed on the way. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { memory, onDisk } from "./content.ts";
import type { Planned } from "./faults.ts";
import { Refused, type StoredAsset, type StoredRelease } from "./store.ts";
import { assetView } from "./views.ts";
import { type Answer, answer } from "./wire.ts";
import { ApiError, type Call, common, errorAnswer, jsonAnswer, notFound, rightsOf, type World } from "./world.ts";

const OPERATION = "POST /repos/{owner}/{repo}/releases/{release_id}/assets";

/** What becomes of an upload: an answer, or none because the fault ends it while the body comes in. */
type Uploaded = Answer | "cut";

/** Faults that answer in place of the server, or end the connection. The others only distort a right answer. */
const REPLACING = new Set([
  "reset",
  "stall",
  "page",
  "status",
  "rate-limit",
  "loop",
  "downgrade",
  "foreign",
  "redirect",
]);

const keptBy = ({ keeps, ...fault }: Planned): NonNullable<Planned["keeps"]> => {
  if (keeps !== undefined) return keeps;
  if (!REPLACING.has(fault.kind)) return "uploaded";
  const breaks = fault.kind === "reset" || fault.kind === "stall" || (fault.kind === "status" && fault.status === 502);
  return breaks ? "starter" : "nothing";
};

/**
 * Takes an upload in.
 * @param path the path below the upload base
 * @param folder where the bodies go
 * @param received called with the size of each piece that comes in
 */
export async function upload(
  world: World,
  call: Call,
  path: string,
  request: IncomingMessage,
  folder: string,
  received: (bytes: number) => void,
): Promise<Uploaded> {
  try {
    const { release, spec } = admit(world, call, path);
    const keeps = call.fault === undefined ? "uploaded" : keptBy(call.fault);
    const asset = keeps === "nothing" ? undefined : release.attach({ ...spec, state: "starter" }, memory(""), "");
    const after = keeps === "uploaded" ? undefined : cutAfter(call.fault);
    if (!(await take(request, asset, folder, received, after, keeps === "uploaded"))) return "cut";
    if (asset === undefined || asset.state === "starter") return answer(201);
    return jsonAnswer(world, OPERATION, 201, assetView(world.bases, asset), common(world));
  } catch (error) {
    const failure = error instanceof Refused ? new ApiError(422, "Validation Failed", [error.error]) : error;
    if (!(failure instanceof ApiError)) throw error;
    // A client that still sends would see a broken connection instead of the answer.
    for await (const piece of request) received(piece.length);
    const refused = errorAnswer(world, OPERATION, failure);
    return { ...refused, headers: { ...common(world), ...refused.headers } };
  }
}

/** After how many bytes of the body the connection goes, when it does. */
const cutAfter = (fault: Planned | undefined): number | undefined =>
  fault?.kind === "reset" || fault?.kind === "stall" ? Math.max(fault.after ?? 0, 0) : undefined;

/** Everything that GitHub looks at before it takes the body. */
function admit(
  world: World,
  { headers, method, url }: Call,
  path: string,
): { release: StoredRelease; spec: { name: string; label: string; contentType: string; size: number } } {
  const rights = rightsOf(world, String(headers.authorization ?? "") || undefined);
  const [, fullName = "", id = ""] = /^\/repos\/([^/]+\/[^/]+)\/releases\/([0-9]+)\/assets$/.exec(path) ?? [];
  const release = world.store.find(fullName)?.releases.find((candidate) => candidate.id === Number(id));
  if (rights === "none") throw new ApiError(401, "Requires authentication");
  if (method !== "POST" || release === undefined || rights !== "push") throw notFound();
  if (release.immutable) throw new ApiError(422, "Cannot upload assets to an immutable release.");
  // Chunked uploads are refused with this very message.
  const length = String(headers["content-length"] ?? "");
  if (!/^[0-9]+$/.test(length)) throw new ApiError(400, `Bad Content-Length: ${length}`);
  const name = assetNameFor(url.searchParams.get("name") ?? "");
  if (name === "") throw new Refused({ resource: "ReleaseAsset", code: "missing_field", field: "name" });
  const size = Number(length);
  if (size < 1) {
    const message = "size must be greater than or equal to 1";
    throw new Refused({ resource: "ReleaseAsset", code: "custom", field: "size", message });
  }
  const contentType = String(headers["content-type"] ?? "application/octet-stream");
  return { release, spec: { name, label: url.searchParams.get("label") ?? "", contentType, size } };
}

/** The name that GitHub gives an asset: what is not a letter, a digit or one of `-+._@` becomes a dot. */
const assetNameFor = (name: string): string => name.replace(/[^\w.+@-]+/g, ".").replace(/^\.+|\.+$/g, "");

/** Reads the body to its end, or up to `after` bytes. Returns whether the end was reached. */
async function take(
  request: IncomingMessage,
  asset: StoredAsset | undefined,
  folder: string,
  received: (bytes: number) => void,
  after: number | undefined,
  keep: boolean,
): Promise<boolean> {
  const file = join(folder, `asset-${asset?.id ?? "none"}`);
  const out = keep ? createWriteStream(file) : undefined;
  const hash = createHash("sha256");
  let size = 0;
  try {
    if (after === 0) return false;
    // A request that is destroyed takes its connection along, and a stalled one has to stay.
    for await (const piece of request.iterator({ destroyOnReturn: false })) {
      received(piece.length);
      size += piece.length;
      if (after !== undefined && size >= after) return false;
      hash.update(piece);
      if (out !== undefined && !out.write(piece)) await once(out, "drain");
    }
  } catch {
    // The client went away in the middle: what it began stays as a starter.
    return false;
  } finally {
    out?.end();
    if (out !== undefined) await finished(out);
  }
  if (keep) asset?.finish(onDisk(file, size), hash.digest("hex"));
  return true;
}
