/** An asset that is not there yet: which digest it must have, its bytes from the cache or the origin, all checks, its name. */
import { assetName, WITHDRAWN } from "../contract.ts";
import { contractFailure, Failure, missingFailure, type Problem } from "../errors.ts";
import { assertPasses } from "../gate/assert-passes.ts";
import type { Release } from "../github/answers.ts";
import { HttpFailure } from "../http/errors.ts";
import { knob } from "../knobs.ts";
import { duration, say, shortSize, size } from "../log.ts";
import { parseSums, sumsClaim } from "../trust/sums.ts";
import { reasonOf, refuseWithdrawn, type Withdrawal } from "../trust/withdrawn.ts";
import { agreedDigest, type Claim, isPinned, type Witness, witnessLines, witnessNames, wrongDigest } from "../trust.ts";
import { type CacheRecord, cacheAsset, cacheList, evict, isCached, readCached, writeRecord } from "./cache.ts";
import type { Limits } from "./download.ts";
import { type Download, PartialDownload } from "./partial.ts";
import type { Pins } from "./pins.ts";
import { githubsClaim, PROVENANCE, provenanceOf } from "./provenance-witness.ts";
import { type AssetRequest, assetLabel, type Fetched, MODE, maxSize, type ReleaseRequest } from "./request.ts";
import { apiSource, NotFound, type Source, webSource } from "./source.ts";

/** The digest that the bytes must have, who named it, and where they come from when the cache does not have them. */
interface Resolution {
  sha256: string;
  witnesses: Witness[];
  source?: Source;
  /** The release's list, when it has one. */
  list?: Uint8Array | undefined;
  /** The release's own signature of the asset, verified. */
  bundle?: Uint8Array | undefined;
  /** What the release says of itself, when it is taken nevertheless. */
  withdrawn?: Withdrawal | undefined;
}

/**
 * Downloads an asset to its final path, through every check.
 * @param known the digest, by a pin or by the record of an earlier run
 * @param release the release, when the API was asked for it already
 */
export async function downloadAsset(
  request: AssetRequest,
  pins: Pins,
  known: CacheRecord | undefined,
  release: Release | undefined,
): Promise<Fetched> {
  const what = assetLabel(request);
  const start = performance.now();
  say(`fetching ${what} from ${request.origin.name}`);
  const resolve = (useCache: boolean) => resolveDigest(request, pins.witnesses, known, release, useCache);
  let resolution = await resolve(true);
  const { sha256 } = resolution;
  const partial = new PartialDownload(request.out, sha256, { sha512: pins.entry?.sha512 !== undefined });
  try {
    let received = readFromCache(sha256, partial);
    if (received === undefined && resolution.source === undefined) resolution = await resolve(false);
    const { witnesses, source, list, bundle, withdrawn } = resolution;
    const limits = { maxSize: maxSize(), size: pins.entry?.size ?? source?.size };
    received ??= await downloadFrom(request, source, sha256, partial, limits);
    for (const line of witnessLines(witnesses, received.sha256)) say(line);
    if (received.sha256 !== sha256) throw wrongDigest(witnesses, what, received);
    checkEntry(pins.entry, received, what);
    assertPasses(request.out, request.target, what, { ...received, fd: partial.fd });
    partial.finish(MODE);
    cacheAsset(request.out, received);
    const by = witnessNames(witnesses.filter(({ kind }) => kind === "release"));
    if (source?.isFinal && by.length > 0) {
      writeRecord(request, { sha256, by });
      if (list !== undefined) cacheList(request, list);
    }
    say(`${what}: ${size(received.size)}, sha256 ${sha256} (${duration(performance.now() - start)})`);
    return { path: request.out, size: received.size, sha256, bundle, withdrawn };
  } catch (error) {
    if (!(error instanceof HttpFailure)) partial.drop();
    else if (partial.keep()) say(`${shortSize(partial.size)} are kept for the next run, which resumes there`);
    throw error;
  }
}

async function resolveDigest(
  request: AssetRequest,
  pins: Witness[],
  known: CacheRecord | undefined,
  release: Release | undefined,
  useCache: boolean,
): Promise<Resolution> {
  const pinned = isPinned(pins);
  const offline = knob("FASTBOOP_STAGE0_OFFLINE") && !isLocal(request);
  const witnessesOf = (sums: Claim, api: Claim, provenance: Claim): Witness[] => [
    { name: "SHA256SUMS", kind: "release", claim: sums },
    { name: "API digest", kind: "release", claim: api },
    { name: PROVENANCE, kind: "release", claim: provenance },
  ];
  // With a pin and its bytes in the cache nobody has to be asked.
  if (useCache && known !== undefined && (pinned || offline) && isCached(known.sha256)) {
    const { sha256, by } = known;
    const earlier = by.map((name): Witness => ({ name: `${name}, earlier`, kind: "release", claim: { sha256 } }));
    return {
      sha256,
      witnesses: [...pins, ...(pinned ? [] : earlier), ...witnessesOf("not asked", "not asked", "not asked")],
    };
  }
  if (offline) throw offlineFailure(request, known);
  const asset = assetName(request.target.triple);
  let source = await openSource(request, asset, release);
  let list = await source.sums();
  if (list === undefined && !pinned) {
    // Nobody has named a digest yet. The API may, or knows why there is no list.
    const api = await askApi(request, asset, source);
    if (api !== undefined) [source, list] = [api, await api.sums()];
  }
  const withdrawn = await checkWithdrawn(request, source, list);
  const sums = sumsClaim(list, asset, source.list);
  const { claim, bundle } = await provenanceOf(request, source, list, asset);
  const witnesses = [...pins, ...witnessesOf(sums, source.claim, claim)];
  try {
    const sha256 = agreedDigest(witnesses, assetLabel(request));
    const attested = await githubsClaim(request, source, sha256);
    if (attested !== undefined) witnesses.push({ name: "GitHub's attestation", kind: "release", claim: attested });
    return { sha256, witnesses, source, list, bundle, withdrawn };
  } catch (error) {
    for (const line of witnessLines(witnesses)) say(line);
    throw error;
  }
}

/** Refuses a release that says that it is withdrawn, before anything else that it says counts. @throws Failure (1) */
async function checkWithdrawn({ tag }: ReleaseRequest, source: Source, list: Uint8Array | undefined) {
  // Its list names the mark, so that no release without one costs a request.
  const isMarked = source.has?.(WITHDRAWN) ?? (list === undefined || parseSums(list).entries.has(WITHDRAWN));
  const mark = isMarked ? await source.small(WITHDRAWN) : undefined;
  const noted = source.withdrawn;
  if (mark === undefined && noted !== undefined) return refuseWithdrawn({ tag, reason: noted }, "the release's text");
  if (mark === undefined && (list === undefined || !isMarked)) return undefined;
  return refuseWithdrawn({ tag, reason: reasonOf(Buffer.from(mark ?? []).toString()) }, WITHDRAWN);
}

const isLocal = ({ origin }: ReleaseRequest): boolean => origin.mirror?.startsWith("file:") ?? false;

const offlineFailure = (request: AssetRequest, known: CacheRecord | undefined): Failure =>
  missingFailure({
    what: `${assetLabel(request)} is not available offline`,
    expected: "its digest by a pin or an earlier fetch, and its bytes in the cache",
    got: known === undefined ? "no digest" : `sha256 ${known.sha256}, and no such bytes in the cache`,
    fix: "unset FASTBOOP_STAGE0_OFFLINE once, or set FASTBOOP_STAGE0_EMBED_PATH to a file or FASTBOOP_STAGE0_MIRROR to a file: folder",
  });

/** Where the files of a release come from: a mirror on this machine, the plain addresses, or with a token the API. */
export async function openSource(request: ReleaseRequest, asset: string, release?: Release): Promise<Source> {
  const { origin, tag } = request;
  if (isLocal(request)) return (await import("./local-mirror.ts")).localMirror(origin.mirror ?? "", tag, asset);
  if (release !== undefined) return apiSource(origin, release, asset);
  return origin.token === undefined ? webSource(origin, tag, asset) : findInApi(request, asset);
}

async function findInApi({ origin, tag }: ReleaseRequest, asset: string): Promise<Source> {
  const { findRelease } = await import("./find-release.ts");
  return apiSource(origin, await findRelease(origin, tag), asset);
}

/** The API, when a plain download address did not do; undefined when it was asked already or does not know the origin. */
async function askApi(request: ReleaseRequest, asset: string, source: Source): Promise<Source | undefined> {
  if (request.origin.mirror !== undefined || source.claim !== "not asked") return undefined;
  return findInApi(request, asset);
}

/** The bytes from the cache; undefined when it does not have them, or has damaged ones, which are removed. */
function readFromCache(sha256: string, partial: PartialDownload): Download | undefined {
  if (!isCached(sha256)) return undefined;
  partial.restart();
  readCached(sha256, (bytes) => partial.write(bytes));
  const received = partial.received();
  if (received.sha256 === sha256) {
    say("the bytes come from the cache");
    return received;
  }
  evict(sha256);
  partial.restart();
  return undefined;
}

async function downloadFrom(
  request: AssetRequest,
  source: Source | undefined,
  sha256: string,
  partial: PartialDownload,
  limits: Limits,
): Promise<Download> {
  if (source === undefined) throw offlineFailure(request, { sha256, by: [] });
  try {
    const received = await source.download(partial, sha256, limits);
    if (received.sha256 === sha256 || !partial.mixed) return received;
    say("the parts do not make up the whole; downloading it again from the start");
    partial.restart();
    return await source.download(partial, sha256, limits);
  } catch (error) {
    if (error instanceof NotFound) await explain(error, request, source);
    throw error;
  }
}

/** @throws Failure with what the API says is missing, the release or the asset; returns when the API can't say more */
async function explain(missing: NotFound, request: AssetRequest, source: Source): Promise<void> {
  try {
    await askApi(request, assetName(request.target.triple), source);
  } catch (error) {
    // Both are shown when the API can't be asked.
    if (error instanceof HttpFailure) throw new Failure(3, ...missing.problems, ...error.problems);
    throw error;
  }
}

/** Checks what stage0.lock has besides the sha256. */
function checkEntry(entry: Pins["entry"], { size: bytes, sha512 }: Download, what: string): void {
  const problem = (name: string, expected: string, got: string): Problem => ({
    what: `stage0.lock has another ${name} for ${what}`,
    expected,
    got,
    fix: "write the entry again with make lock, and review the difference",
  });
  if (entry?.size !== undefined && entry.size !== bytes)
    throw contractFailure(problem("size", size(entry.size), size(bytes)));
  if (entry?.sha512 !== undefined && entry.sha512 !== sha512)
    throw contractFailure(problem("sha512", `sha512 ${entry.sha512}`, `sha512 ${sha512}`));
}
