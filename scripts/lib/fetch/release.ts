/** The part of a fetch that needs the release: hear its witnesses, take the bytes from the cache or the place, prove them, name them. */
import { assetName } from "../contract.ts";
import { contractFailure, Failure, missingFailure } from "../errors.ts";
import type { Fetched, Pins } from "../fetch.ts";
import { HttpFailure } from "../http/errors.ts";
import { knob } from "../knobs.ts";
import { duration, say, shortSize, size } from "../log.ts";
import type { FoundRelease } from "../release/github.ts";
import { sumsClaim } from "../trust/sums-claim.ts";
import { agreedDigest, isPinned, type Witness, witnessLines, witnessNames, wrongDigest } from "../trust.ts";
import { cacheAsset, cacheHolds, evict, isCached, type Known, readCached, writeRecord } from "./cache.ts";
import type { Limits } from "./download.ts";
import { pass } from "./gate.ts";
import { type Arrived, Partial } from "./partial.ts";
import { MODE, maxSize, type Wanted, whatIs } from "./plan.ts";
import { apiSource, Missing, type Source, webSource } from "./source.ts";

/** The digest that the bytes must have, by whose word, and where they come from when the cache has not got them. */
interface Settled {
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
  wanted: Wanted,
  pins: Pins,
  known: Known | undefined,
  release: FoundRelease | undefined,
): Promise<Fetched> {
  const what = whatIs(wanted);
  const start = performance.now();
  say(`fetching ${what} from ${wanted.place.name}`);
  const settled = await settle(wanted, pins.witnesses, known, release);
  const { sha256, witnesses } = settled;
  const partial = new Partial(wanted.out, sha256, { sha512: pins.entry?.sha512 !== undefined });
  try {
    const limits = { maxSize: maxSize(), size: pins.entry?.size ?? settled.source?.size };
    const arrived = await bring(wanted, settled, partial, limits);
    for (const line of witnessLines(witnesses, arrived.sha256)) say(line);
    if (arrived.sha256 !== sha256) throw wrongDigest(witnesses, what, arrived);
    checkEntry(pins.entry, arrived, what);
    pass(partial.path, wanted.target, what, arrived);
    partial.finish(wanted.out, MODE);
    cacheAsset(wanted.out, arrived);
    const names = witnessNames(witnesses.filter(({ kind }) => kind === "release"));
    if (settled.source?.lasting && names.length > 0) writeRecord(wanted, { sha256, by: names });
    say(`${what}: ${size(arrived.size)}, sha256 ${sha256} (${duration(performance.now() - start)})`);
    return { path: wanted.out, size: arrived.size, sha256 };
  } catch (error) {
    if (error instanceof HttpFailure && partial.worthKeeping) {
      partial.keep();
      say(`${shortSize(partial.size)} are kept for the next run, which goes on from there`);
    } else partial.drop();
    throw error;
  }
}

async function settle(
  wanted: Wanted,
  pins: Witness[],
  known: Known | undefined,
  release: FoundRelease | undefined,
): Promise<Settled> {
  const asset = assetName(wanted.target.triple);
  const isFolder = wanted.place.mirror?.startsWith("file:") ?? false;
  const offline = knob("FASTBOOP_STAGE0_OFFLINE") && !isFolder;
  // A pin needs nobody else's word when the cache has its bytes.
  if (known !== undefined && (isPinned(pins) || offline) && cacheHolds(known.sha256)) {
    const earlier = isPinned(pins) ? [] : known.by.map((name) => `${name}, earlier`);
    const others = ["SHA256SUMS", "API digest"].map((name): Witness => ({ name, kind: "release", claim: "not asked" }));
    const recorded = earlier.map((name): Witness => ({ name, kind: "release", claim: { sha256: known.sha256 } }));
    return { sha256: known.sha256, witnesses: [...pins, ...recorded, ...others] };
  }
  if (offline) throw offlineFailure(whatIs(wanted), known);
  let source = await openSource(wanted, asset, release);
  let list = await source.sums();
  if (list === undefined && !isPinned(pins)) {
    // Nobody has vouched yet. The API may, or knows why there is no list.
    const other = await asked(wanted, asset, source);
    if (other !== source) list = await other.sums();
    source = other;
  }
  const witnesses: Witness[] = [
    ...pins,
    { name: "SHA256SUMS", kind: "release", claim: sumsClaim(list, asset, source.list) },
    { name: "API digest", kind: "release", claim: source.claim },
  ];
  try {
    return { sha256: agreedDigest(witnesses, whatIs(wanted)), witnesses, source };
  } catch (error) {
    for (const line of witnessLines(witnesses)) say(line);
    throw error;
  }
}

const offlineFailure = (what: string, known: Known | undefined): Failure =>
  missingFailure({
    what: `${what} can't be had offline`,
    expected: "its digest by a pin or an earlier fetch, and its bytes in the cache",
    got: known === undefined ? "no digest" : `sha256 ${known.sha256}, and no such bytes in the cache`,
    fix: "unset FASTBOOP_STAGE0_OFFLINE once, or set FASTBOOP_STAGE0_EMBED_PATH to a file or FASTBOOP_STAGE0_MIRROR to a file: folder",
  });

async function openSource({ place, tag }: Wanted, asset: string, release: FoundRelease | undefined): Promise<Source> {
  if (place.mirror?.startsWith("file:")) return (await import("./folder.ts")).folderSource(place.mirror, tag, asset);
  if (place.token === undefined && release === undefined) return webSource(place, tag, asset);
  return apiSource(place, release ?? (await (await import("../release/github.ts")).findRelease(place, tag)), asset);
}

/** The API in place of download addresses that did not do; any other source as it is. @throws what the API says is missing */
async function asked({ place, tag }: Wanted, asset: string, source: Source): Promise<Source> {
  if (place.mirror !== undefined || source.claim !== "not asked") return source;
  const { findRelease } = await import("../release/github.ts");
  return apiSource(place, await findRelease(place, tag), asset);
}

/** The bytes, from the cache or from the place. */
async function bring(wanted: Wanted, { sha256, source }: Settled, partial: Partial, limits: Limits): Promise<Arrived> {
  if (isCached(sha256)) {
    partial.restart(undefined, undefined);
    readCached(sha256, (bytes) => partial.write(bytes));
    const arrived = partial.arrived();
    if (arrived.sha256 === sha256) {
      say("the bytes come from the cache");
      return arrived;
    }
    evict(sha256);
    partial.restart(undefined, undefined);
  }
  if (source === undefined) throw offlineFailure(whatIs(wanted), { sha256, by: [] });
  try {
    const arrived = await source.fill(partial, sha256, limits);
    if (arrived.sha256 === sha256 || !partial.mixed) return arrived;
    say("the parts do not make up the whole; beginning anew");
    partial.restart(undefined, undefined);
    return await source.fill(partial, sha256, limits);
  } catch (error) {
    if (error instanceof Missing) await explain(error, wanted, source);
    throw error;
  }
}

/** Says of a missing asset what the API knows: which release or asset there is. Comes back when it knows no better. */
async function explain(missing: Missing, wanted: Wanted, source: Source): Promise<void> {
  try {
    await asked(wanted, assetName(wanted.target.triple), source);
  } catch (error) {
    // Both are shown when the API can't be asked.
    if (error instanceof HttpFailure) throw new Failure(3, ...missing.problems, ...error.problems);
    throw error;
  }
}

/** Checks what stage0.lock says besides the sha256. */
function checkEntry(entry: Pins["entry"], { size: got, sha512 }: Arrived, what: string): void {
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
