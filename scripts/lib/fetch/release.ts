/** The part of a fetch that needs the release: hear its witnesses, take the bytes from the cache or the place, prove them, name them. */
import { assetName } from "../contract.ts";
import { contractFailure, Failure, missingFailure } from "../errors.ts";
import type { Fetched, Pins } from "../fetch.ts";
import { assertPasses } from "../gate/assert-passes.ts";
import type { Release } from "../github/answers.ts";
import { HttpFailure } from "../http/errors.ts";
import { knob } from "../knobs.ts";
import { duration, say, shortSize, size } from "../log.ts";
import { sumsClaim } from "../trust/sums-claim.ts";
import { agreedDigest, isPinned, type Witness, witnessLines, witnessNames, wrongDigest } from "../trust.ts";
import { type CacheRecord, cacheAsset, cacheHolds, evict, isCached, readCached, writeRecord } from "./cache.ts";
import type { Limits } from "./download.ts";
import { type Download, PartialDownload } from "./partial.ts";
import { type AssetRequest, assetLabel, MODE, maxSize } from "./request.ts";
import { apiSource, Missing, type Source, webSource } from "./source.ts";

/** The digest that the bytes must have, by whose word, and where they come from when the cache has not got them. */
interface Resolution {
  sha256: string;
  witnesses: Witness[];
  source?: Source;
}

/**
 * Fetches an asset that is not at its place yet.
 * @param known the digest by a pin or by the record of an earlier run
 * @param release the release, when the API was asked for it already
 */
export async function fetchRelease(
  request: AssetRequest,
  pins: Pins,
  known: CacheRecord | undefined,
  release: Release | undefined,
): Promise<Fetched> {
  const what = assetLabel(request);
  const start = performance.now();
  say(`fetching ${what} from ${request.origin.name}`);
  const resolution = await resolveDigest(request, pins.witnesses, known, release);
  const { sha256, witnesses } = resolution;
  const partial = new PartialDownload(request.out, sha256, { sha512: pins.entry?.sha512 !== undefined });
  try {
    const limits = { maxSize: maxSize(), size: pins.entry?.size ?? resolution.source?.size };
    const received = await fetchBytes(request, resolution, partial, limits);
    for (const line of witnessLines(witnesses, received.sha256)) say(line);
    if (received.sha256 !== sha256) throw wrongDigest(witnesses, what, received);
    checkEntry(pins.entry, received, what);
    assertPasses(partial.path, request.target, what, received);
    partial.finish(request.out, MODE);
    cacheAsset(request.out, received);
    const names = witnessNames(witnesses.filter(({ kind }) => kind === "release"));
    if (resolution.source?.lasting && names.length > 0) writeRecord(request, { sha256, by: names });
    say(`${what}: ${size(received.size)}, sha256 ${sha256} (${duration(performance.now() - start)})`);
    return { path: request.out, size: received.size, sha256 };
  } catch (error) {
    if (error instanceof HttpFailure && partial.worthKeeping) {
      partial.keep();
      say(`${shortSize(partial.size)} are kept for the next run, which goes on from there`);
    } else partial.drop();
    throw error;
  }
}

async function resolveDigest(
  request: AssetRequest,
  pins: Witness[],
  known: CacheRecord | undefined,
  release: Release | undefined,
): Promise<Resolution> {
  const asset = assetName(request.target.triple);
  const isFolder = request.origin.mirror?.startsWith("file:") ?? false;
  const offline = knob("FASTBOOP_STAGE0_OFFLINE") && !isFolder;
  // A pin needs nobody else's word when the cache has its bytes.
  if (known !== undefined && (isPinned(pins) || offline) && cacheHolds(known.sha256)) {
    const earlier = isPinned(pins) ? [] : known.by.map((name) => `${name}, earlier`);
    const others = ["SHA256SUMS", "API digest"].map((name): Witness => ({ name, kind: "release", claim: "not asked" }));
    const recorded = earlier.map((name): Witness => ({ name, kind: "release", claim: { sha256: known.sha256 } }));
    return { sha256: known.sha256, witnesses: [...pins, ...recorded, ...others] };
  }
  if (offline) throw offlineFailure(assetLabel(request), known);
  let source = await openSource(request, asset, release);
  let list = await source.sums();
  if (list === undefined && !isPinned(pins)) {
    // Nobody has vouched yet. The API may, or knows why there is no list.
    const other = await asked(request, asset, source);
    if (other !== source) list = await other.sums();
    source = other;
  }
  const witnesses: Witness[] = [
    ...pins,
    { name: "SHA256SUMS", kind: "release", claim: sumsClaim(list, asset, source.list) },
    { name: "API digest", kind: "release", claim: source.claim },
  ];
  try {
    return { sha256: agreedDigest(witnesses, assetLabel(request)), witnesses, source };
  } catch (error) {
    for (const line of witnessLines(witnesses)) say(line);
    throw error;
  }
}

const offlineFailure = (what: string, known: CacheRecord | undefined): Failure =>
  missingFailure({
    what: `${what} can't be had offline`,
    expected: "its digest by a pin or an earlier fetch, and its bytes in the cache",
    got: known === undefined ? "no digest" : `sha256 ${known.sha256}, and no such bytes in the cache`,
    fix: "unset FASTBOOP_STAGE0_OFFLINE once, or set FASTBOOP_STAGE0_EMBED_PATH to a file or FASTBOOP_STAGE0_MIRROR to a file: folder",
  });

async function openSource({ origin, tag }: AssetRequest, asset: string, release: Release | undefined): Promise<Source> {
  if (origin.mirror?.startsWith("file:"))
    return (await import("./local-mirror.ts")).localMirror(origin.mirror, tag, asset);
  if (origin.token === undefined && release === undefined) return webSource(origin, tag, asset);
  return apiSource(origin, release ?? (await (await import("./find-release.ts")).findRelease(origin, tag)), asset);
}

/** The API in place of download addresses that did not do; any other source as it is. @throws what the API says is missing */
async function asked({ origin, tag }: AssetRequest, asset: string, source: Source): Promise<Source> {
  if (origin.mirror !== undefined || source.claim !== "not asked") return source;
  const { findRelease } = await import("./find-release.ts");
  return apiSource(origin, await findRelease(origin, tag), asset);
}

/** The bytes, from the cache or from the place. */
async function fetchBytes(
  request: AssetRequest,
  { sha256, source }: Resolution,
  partial: PartialDownload,
  limits: Limits,
): Promise<Download> {
  if (isCached(sha256)) {
    partial.restart(undefined, undefined);
    readCached(sha256, (bytes) => partial.write(bytes));
    const received = partial.received();
    if (received.sha256 === sha256) {
      say("the bytes come from the cache");
      return received;
    }
    evict(sha256);
    partial.restart(undefined, undefined);
  }
  if (source === undefined) throw offlineFailure(assetLabel(request), { sha256, by: [] });
  try {
    const received = await source.download(partial, sha256, limits);
    if (received.sha256 === sha256 || !partial.mixed) return received;
    say("the parts do not make up the whole; beginning anew");
    partial.restart(undefined, undefined);
    return await source.download(partial, sha256, limits);
  } catch (error) {
    if (error instanceof Missing) await explain(error, request, source);
    throw error;
  }
}

/** Says of a missing asset what the API knows: which release or asset there is. Comes back when it knows no better. */
async function explain(missing: Missing, request: AssetRequest, source: Source): Promise<void> {
  try {
    await asked(request, assetName(request.target.triple), source);
  } catch (error) {
    // Both are shown when the API can't be asked.
    if (error instanceof HttpFailure) throw new Failure(3, ...missing.problems, ...error.problems);
    throw error;
  }
}

/** Checks what stage0.lock says besides the sha256. */
function checkEntry(entry: Pins["entry"], { size: got, sha512 }: Download, what: string): void {
  const fix = "write the entry again with make lock, and review the difference";
  if (entry?.size !== undefined && entry.size !== got) {
    throw contractFailure({
      what: `stage0.lock has another size for ${what}`,
      expected: size(entry.size),
      got: size(got),
      fix,
    });
  }
  if (entry?.sha512 !== undefined && entry.sha512 !== sha512) {
    throw contractFailure({
      what: `stage0.lock has another sha512 for ${what}`,
      expected: `sha512 ${entry.sha512}`,
      got: `sha512 ${sha512}`,
      fix,
    });
  }
}
