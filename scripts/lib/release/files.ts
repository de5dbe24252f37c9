/** The files of a release, as the folder of artifacts has them. */
import * as fs from "node:fs";
import { join } from "node:path";
import { hostedName, RELEASE_ASSETS, SUMS } from "../contract.ts";
import { checkList, isArtifact } from "../dist.ts";
import { Failure, type Problem, printable } from "../errors.ts";
import { allFindings, checkDist } from "../gate/preflight.ts";
import { failuresOf } from "../gate/report-text.ts";
import { exitCodeFor } from "../gate.ts";
import { type Digest, digestFile } from "../hash.ts";
import { knob } from "../knobs.ts";

/** A file of a release. */
export interface ReleaseFile extends Digest {
  name: string;
  path: string;
}

/**
 * The files of a folder that passes preflight and matches its SHA256SUMS, with names that GitHub keeps.
 * @param assets what has to be there
 * @throws Failure with all that is wrong: (1), or (3) when it is only that something can't be read
 */
export function releaseFiles(dist: string, assets = RELEASE_ASSETS): ReleaseFile[] {
  const result = checkDist(dist, { maxSize: knob("FASTBOOP_STAGE0_MAX_SIZE") }, assets);
  const list = checkList(dist, assets);
  const names = fs
    .readdirSync(dist)
    .filter((name) => (name === SUMS || isArtifact(name)) && fs.lstatSync(join(dist, name)).isFile());
  const renamed = names
    .filter((name) => name !== hostedName(name))
    .map((name) => ({
      what: `GitHub would rename ${printable(name)}`,
      expected: hostedName(name),
      got: printable(name),
      fix: "rename it, then make sums",
    }));
  const inList = (problem: Problem): Problem => ({ ...problem, file: list.list });
  const wrong = [...list.problems.map(inList), ...renamed];
  const problems = [...failuresOf(result), ...wrong, ...list.unread.map(inList)];
  if (problems.length > 0) {
    throw new Failure(wrong.length > 0 || exitCodeFor(allFindings(result)) === 1 ? 1 : 3, ...problems);
  }
  return names.sort().map((name) => ({ name, path: join(dist, name), ...digestFile(join(dist, name)) }));
}
