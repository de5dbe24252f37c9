/** All that can be said of a stage0 file in hand: the gate, pins, lists and signed statements, each judged by itself. */
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import {
  assetName,
  bundleName,
  LOCK,
  PROVENANCE_PREDICATE,
  SUMS,
  type Target,
  TEST_PREDICATE,
  verdictsName,
} from "./contract.ts";
import { contractFailure, type ExitCode, Failure, missingFailure, printable } from "./errors.ts";
import { lockFiles } from "./fetch/request.ts";
import { openInput, readSmall, withFd } from "./files.ts";
import { problemOf } from "./gate/report-text.ts";
import { inspect } from "./gate.ts";
import { releaseOrigin } from "./github/origin.ts";
import { type Digest, digestOf } from "./hash.ts";
import { knob } from "./knobs.ts";
import type { Attestation } from "./provenance/attestation.ts";
import { readPins } from "./trust/pins.ts";
import { parseSums, sumsClaim } from "./trust/sums.ts";
import { agreedDigest, type Claim, type Witness, witnessNames, wrongDigest } from "./trust.ts";

export interface Verification extends Digest {
  /** The asset that it is held to be. */
  asset: string;
  /** The release: TAG, else the one that its provenance or pin names. */
  tag: string | undefined;
  /** Whether the gate passed. */
  gate: boolean;
  witnesses: Witness[];
  provenance: Attestation | undefined;
  /** What the release's tests said of it, signed. */
  tests: Attestation | undefined;
  /** GitHub's own word on which release it is of, where it was asked. */
  release: Attestation | undefined;
  failures: Failure[];
}

/** The files of a release that speak of the asset. */
interface Evidence {
  /** Where the list is, for messages. */
  list: string;
  read(name: string): Promise<Uint8Array | undefined>;
}

/**
 * Verifies a file. Nothing is thrown for what is wrong with it: `failures` has all of that.
 * @param path absolute
 * @param tag the release that it is said to be of, whose list and signatures are fetched; undefined: what lies beside it
 * @throws the system's error when the file can't be read; Failure (3) when it is no regular file
 */
export async function verifyFile(path: string, target: Target, tag: string | undefined): Promise<Verification> {
  const asset = assetName(target.triple);
  const digest = withFd(openInput(path).fd, (fd) => digestOf(fd));
  const failures: Failure[] = [];
  const attempt = async <T>(work: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failures.push(error);
      return undefined;
    }
  };
  const { ok: gate, findings } = inspect(path, { target, maxSize: knob("FASTBOOP_STAGE0_MAX_SIZE") });
  const broken = findings.filter(({ severity }) => severity === "fail");
  if (!gate) failures.push(contractFailure(...broken.map((finding) => problemOf(finding, path))));

  const evidence = (await attempt(() => (tag === undefined ? beside(path) : ofRelease(target, tag)))) ?? NONE;
  const sums = await attempt(async () => {
    const list = await evidence.read(SUMS);
    const isNamed = list !== undefined && (tag !== undefined || parseSums(list).entries.has(asset));
    return isNamed ? sumsClaim(list, asset, evidence.list) : "absent";
  });
  const signed = (name: string, predicate: string) => async (): Promise<Attestation | undefined> => {
    const bytes = await evidence.read(name);
    if (bytes === undefined) return undefined;
    const { verifyBundles } = await import("./provenance.ts");
    const subject = { sha256: digest.sha256 };
    return verifyBundles(bytes, { repo: knob("FASTBOOP_STAGE0_REPO"), tag, predicate, subject }, name);
  };
  const provenance = await attempt(signed(bundleName(asset), PROVENANCE_PREDICATE));
  const tests = await attempt(signed(verdictsName(asset), TEST_PREDICATE));
  const asked = tag !== undefined && isGitHubAsked();
  const release = asked ? await attempt(() => ofGitHub(tag, digest.sha256)) : undefined;
  const pin = await attempt(() => pinOf(asset, tag, digest.sha256));
  const claim = (sha256: string | undefined): Claim => (sha256 === undefined ? "absent" : { sha256 });
  const witnesses: Witness[] = [
    { name: "FASTBOOP_STAGE0_SHA256", kind: "pin", claim: claim(knob("FASTBOOP_STAGE0_SHA256")) },
    { name: LOCK, kind: "pin", claim: claim(pin?.sha256) },
    { name: SUMS, kind: "release", claim: sums ?? "absent" },
    { name: "provenance", kind: "release", claim: claim(provenance?.sha256) },
    ...(asked ? [{ name: "GitHub's attestation", kind: "release" as const, claim: claim(release?.sha256) }] : []),
  ];
  await attempt(() => judge(witnesses, digest, printable(path), failures.length > 0));
  const of = tag ?? provenance?.tag ?? pin?.tag;
  return { asset, tag: of, ...digest, gate, witnesses, provenance, tests, release, failures };
}

/** 1 outweighs 2, and 2 outweighs 3: what is wrong with the file comes first. */
export const exitCodeOf = ({ failures }: Verification): ExitCode | 0 =>
  ([1, 2, 3] as const).find((code) => failures.some(({ exitCode }) => exitCode === code)) ?? 0;

function judge(witnesses: Witness[], digest: Digest, what: string, isRefused: boolean): void {
  const names = witnessNames(witnesses);
  if (knob("FASTBOOP_STAGE0_TRUST") === "provenance" && !names.includes("provenance") && !isRefused) {
    throw missingFailure({
      what: `${what} has no provenance that can be verified, and FASTBOOP_STAGE0_TRUST=provenance demands one`,
      fix: "name the release with TAG, or put its .sigstore.json beside the file",
    });
  }
  // What was refused has been said already.
  if (names.length === 0 && isRefused) return;
  if (agreedDigest(witnesses, what) !== digest.sha256) throw wrongDigest(witnesses, what, digest);
}

const NONE: Evidence = { list: "", read: async () => undefined };

function beside(path: string): Evidence {
  const folder = dirname(path);
  // A file that was renamed keeps its companions' names.
  const named = (name: string): string[] => [name, name.replace(/^fastboop-stage0-[a-z0-9_-]+/, basename(path))];
  return {
    list: join(folder, SUMS),
    async read(name) {
      const found = named(name).find((candidate) => fs.existsSync(join(folder, candidate)));
      return found === undefined ? undefined : readSmall(join(folder, found));
    },
  };
}

async function ofRelease(target: Target, tag: string): Promise<Evidence> {
  const { openSource } = await import("./fetch/release.ts");
  const asset = assetName(target.triple);
  const source = await openSource({ origin: releaseOrigin(), tag }, asset);
  return { list: source.list, read: (name) => (name === SUMS ? source.sums() : source.small(name)) };
}

/** Whether GitHub is asked: only with a root of its own, which Sigstore's public root is not, and of no mirror. */
const isGitHubAsked = (): boolean =>
  knob("FASTBOOP_STAGE0_TRUSTED_ROOT") !== undefined &&
  releaseOrigin().mirror === undefined &&
  !knob("FASTBOOP_STAGE0_OFFLINE");
const ofGitHub = async (tag: string, sha256: string): Promise<Attestation | undefined> =>
  (await import("./provenance/release-attestation.ts")).releaseAttestation(tag, sha256);

/** The entry of stage0.lock for the release; without a release, the one that has this digest. */
async function pinOf(asset: string, tag: string | undefined, sha256: string) {
  const pins = await readPins(lockFiles());
  return pins.find((pin) => pin.asset === asset && (tag === undefined ? pin.sha256 === sha256 : pin.tag === tag));
}
