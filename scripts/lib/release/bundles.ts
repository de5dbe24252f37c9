/** A release's signed statements as assets: beside each file the bundle that names it, and all of them in one list. */
import * as fs from "node:fs";
import { join } from "node:path";
import { BUNDLES, bundleName, PROVENANCE_PREDICATE, TEST_PREDICATE, verdictsName } from "../contract.ts";
import { checkList } from "../dist.ts";
import { contractFailure, Failure, missingFailure, type Problem, printable } from "../errors.ts";
import { readSmall, writeText } from "../files.ts";
import { knob } from "../knobs.ts";
import { verifyAttestation } from "../provenance/attestation.ts";
import { readStatement } from "../provenance/bundle.ts";
import { jsonLines } from "../provenance/json-lines.ts";
import { trustedRoots } from "../provenance/root.ts";
import { nameText } from "../trust/sums.ts";

/** Where in DIST actions/attest's bundles are expected; hidden, so that it is no artifact. */
const FOLDER = ".attestations";

/** What is attested, and the asset that says so of a file. */
const KINDS: readonly [predicate: string, asset: (name: string) => string][] = [
  [PROVENANCE_PREDICATE, bundleName],
  [TEST_PREDICATE, verdictsName],
];

/**
 * Verifies each bundle for each file that it names, as a downloader will, and writes it beside the file.
 * @param required the assets that have to be there
 * @returns names of what was written
 * @throws Failure (1) with all that is wrong: a file without provenance, a bundle that will be refused; (3) without bundles
 */
export function writeBundles(dist: string, required: readonly string[], repo: string, tag: string): string[] {
  const folder = join(dist, FOLDER);
  // Each of the workflow's artifacts has a folder of its own.
  const names = fs.existsSync(folder) ? fs.readdirSync(folder, { recursive: true, encoding: "utf8" }).sort() : [];
  const files = names.map((name) => join(folder, name)).filter((path) => fs.statSync(path).isFile());
  const bundles = files.flatMap((path) => jsonLines(readSmall(path).toString()));
  if (bundles.length === 0) {
    throw missingFailure({
      what: "there is no attestation",
      expected: `the bundles that actions/attest wrote, in ${printable(folder)}`,
      fix: "download the attestations of the job attest there",
    });
  }
  const statements = bundles.map((bundle) => ({ bundle, ...readStatement(bundle) }));
  const { digests, problems } = checkList(dist, required);
  const wrong: Problem[] = [...problems];
  const assets = new Map<string, unknown>();
  const roots = trustedRoots();
  const workflow = knob("FASTBOOP_STAGE0_SIGNER_WORKFLOW");
  for (const [bytes, { sha256 }] of digests) {
    const name = nameText(bytes) ?? "";
    // Written by an earlier run.
    if (name === BUNDLES || name.endsWith(".sigstore.json")) continue;
    for (const [predicate, assetOf] of KINDS) {
      const [found, ...more] = statements.filter((one) => one.predicateType === predicate && one.names.includes(name));
      if (found === undefined && predicate !== PROVENANCE_PREDICATE) continue;
      if (found === undefined || more.length > 0) {
        const got = found === undefined ? "none" : `${1 + more.length}`;
        wrong.push({ what: `${printable(name)} has no one attestation`, expected: `one ${predicate}`, got });
        continue;
      }
      try {
        const expected = { repo, tag, workflow, predicate, subject: { name } };
        const signed = verifyAttestation(found.bundle, expected, roots, assetOf(name));
        if (signed.sha256 !== sha256) {
          wrong.push({
            what: `${printable(name)} is not the file that was attested`,
            expected: signed.sha256,
            got: sha256,
          });
        }
        assets.set(assetOf(name), found.bundle);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        wrong.push(...error.problems);
      }
    }
  }
  if (wrong.length > 0) throw contractFailure(...wrong);
  for (const [name, bundle] of assets) writeText(join(dist, name), `${JSON.stringify(bundle)}\n`);
  writeText(join(dist, BUNDLES), bundles.map((bundle) => `${JSON.stringify(bundle)}\n`).join(""));
  return [...assets.keys(), BUNDLES];
}
