/** A release's files built again from their sources, and held against what was published. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BUILDINFO, findTarget, RELEASE_TARGETS, type Target } from "../contract.ts";
import { missingFailure, printable } from "../errors.ts";
import { fetchCompanions } from "../fetch/companions.ts";
import { fetchAllAssets } from "../fetch/release-assets.ts";
import { type Digest, digestFile } from "../hash.ts";
import { environment, knob } from "../knobs.ts";
import { run } from "../process.ts";
import type { Progress } from "../progress.ts";
import { type Build, type Buildinfo, parseBuildinfo } from "../release/buildinfo.ts";
import { findWorkspace } from "../workspace.ts";
import { readBuildinfo } from "./buildinfo.ts";
import { checkOut } from "./checkout.ts";
import { buildOnce, type Difference, firstDifference, type SectionPair, sectionsOf } from "./reproduce.ts";

/** One file of the release, and the same built here. */
export interface Twin {
  asset: string;
  release: Digest;
  built: Digest;
  /** undefined: they are the same. */
  difference: Difference | undefined;
  sections: SectionPair[];
  /** What was otherwise in the release's build, with its value and the one here. */
  surroundings: Surrounding[];
}
interface Surrounding {
  what: string;
  release: string;
  here: string;
}
export interface Reproduction {
  tag: string;
  source: Buildinfo["source"];
  twins: Twin[];
}

/**
 * Builds files of the release that the environment names, from the commit that its buildinfo names, and compares.
 * @param target undefined: every release target
 * @param work an empty folder
 * @throws Failure as a fetch and a build do; (3) when the release does not say how it was built
 */
export async function reproduceRelease(
  target: Target | undefined,
  work: string,
  progress: Progress,
): Promise<Reproduction> {
  progress("fetching the release");
  const { dir } = findWorkspace();
  const { tag, paths } = await fetchAllAssets(target === undefined ? RELEASE_TARGETS : [target]);
  const bytes = (await fetchCompanions(tag, [BUILDINFO])).get(BUILDINFO);
  const info = bytes && parseBuildinfo(Buffer.from(bytes).toString(), BUILDINFO);
  const builds = [...paths.keys()].map((asset) => info?.builds.find((build) => build.asset === asset));
  if (info === undefined || builds.includes(undefined)) {
    throw missingFailure({
      what: `the release ${tag} does not say how it was built`,
      expected: `${BUILDINFO}, with ${[...paths.keys()].join(" and ")}`,
      got: info === undefined ? "no such file" : info.builds.map(({ asset }) => printable(asset)).join(", "),
      fix: "releases of before have none: make reproduce without TAG compares two builds of WORKSPACE",
    });
  }
  const workspace = await checkOut(dir, info, join(work, "source"));
  const twins: Twin[] = [];
  for (const build of builds as Build[]) {
    progress(`building ${build.asset}`);
    twins.push(await twinOf(build, paths.get(build.asset) ?? "", workspace, join(work, build.target)));
  }
  return { tag, source: info.source, twins };
}

async function twinOf(build: Build, path: string, workspace: string, folder: string): Promise<Twin> {
  const { triple } = findTarget(build.target) ?? { triple: build.asset };
  const env = { PROFILE: build.profile, ...(await sameToolchain(build, workspace)) };
  const own = await buildOnce(workspace, triple, folder, { umask: "022", env });
  const [release, built] = [readFileSync(path), readFileSync(own)];
  const [here] = readBuildinfo(own)?.builds ?? [];
  const surroundings = here === undefined ? [] : compare(build, here);
  const difference = firstDifference(release, built);
  return {
    asset: build.asset,
    release: digestFile(path),
    built: digestFile(own),
    difference: difference && { ...difference, cause: causeBy(surroundings) ?? difference.cause },
    sections: sectionsOf(release, built),
    surroundings,
  };
}

/** Variables by which a build takes the release's own compiler, where it is on this machine. */
async function sameToolchain({ toolchain }: Build, folder: string): Promise<Record<string, string>> {
  if (toolchain.from === "Debian's packages") {
    return knob("FASTBOOP_STAGE0_TOOLCHAIN") === "auto" ? { FASTBOOP_STAGE0_TOOLCHAIN: "debian" } : {};
  }
  const [wanted = ""] = toolchain.rustc;
  const [, version] = /^rustc (\d+\.\d+\.\d+) /.exec(wanted) ?? [];
  const env = { ...environment(), RUSTUP_AUTO_INSTALL: "0" };
  const answer = async (more: Record<string, string>): Promise<boolean> =>
    (await run(["rustc", "--version"], { cwd: folder, env: { ...env, ...more } })).stdout.trim() === wanted;
  if (version === undefined || (await answer({}))) return {};
  const other = { RUSTUP_TOOLCHAIN: version };
  return (await answer(other)) ? other : {};
}

function compare(release: Build, here: Build): Surrounding[] {
  const facts = ({ profile, rustflags, environment: variables, toolchain }: Build): [string, string][] => [
    ["profile", profile],
    ["rustc's flags", rustflags.join(" ")],
    ...Object.entries(variables).map(([name, value]): [string, string] => [name, value]),
    ["toolchain", toolchain.from],
    ["compiler", toolchain.rustc.filter((line) => !line.startsWith("host: ")).join(", ")],
    ["cargo", toolchain.cargo],
    ["linker", toolchain.comment.filter((line) => line.startsWith("Linker: ")).join(", ")],
    ["standard library", toolchain.std ?? "none"],
    ["clang", toolchain.clang ?? "none"],
    ...Object.entries(toolchain.packages).map(([name, version]): [string, string] => [`package ${name}`, version]),
  ];
  const [one, other] = [new Map(facts(release)), new Map(facts(here))];
  return [...new Set([...one.keys(), ...other.keys()])]
    .map((what) => ({ what, release: one.get(what) ?? "none", here: other.get(what) ?? "none" }))
    .filter((fact) => fact.release !== fact.here);
}

/** The likely cause when it shows in what was otherwise: the first of these that differs is why the others do. */
function causeBy(surroundings: readonly Surrounding[]): string | undefined {
  const causes = ["compiler", "linker", "standard library", "rustc's flags", "profile"];
  const found = causes.flatMap((cause) => surroundings.filter(({ what }) => what === cause))[0];
  return found && `another ${found.what}: ${printable(found.release)} there, ${printable(found.here)} here`;
}
