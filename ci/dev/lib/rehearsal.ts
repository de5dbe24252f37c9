/** The specification's whole flow on one machine, against a local GitHub: what is run, and what each step proves. */
import * as fs from "node:fs";
import { join } from "node:path";
import { emulatorOf } from "../../../scripts/lib/boot/qemu.ts";
import { findEmbedded } from "../../../scripts/lib/build/embedded.ts";
import { assetName, DEFAULT_TARGET, INSTALL_PATH, RELEASE_TARGETS, SUMS } from "../../../scripts/lib/contract.ts";
import { contractFailure, Failure, missingFailure, printable } from "../../../scripts/lib/errors.ts";
import { digestFile } from "../../../scripts/lib/hash.ts";
import { environment, knob, TOKEN_KNOBS } from "../../../scripts/lib/knobs.ts";
import { KINDS } from "../../../scripts/lib/package/kinds.ts";
import { PROJECT } from "../../../scripts/lib/paths.ts";
import { ending } from "../../../scripts/lib/process.ts";
import { scriptCommand, shell } from "../../../scripts/lib/shell.ts";
import { findProgram, type Program } from "../../../scripts/lib/tools.ts";
import { byteName, parseSums } from "../../../scripts/lib/trust/sums.ts";
import { findWorkspace } from "../../../scripts/lib/workspace.ts";
import type { Aim, Fault, GitHub } from "../../../test/github/types.ts";

/** A step: a script as a user runs it, and what exit code 0 proves. */
interface Step {
  name: string;
  script: string;
  args?: readonly string[];
  env?: Record<string, string>;
  proves: string;
  /** What goes wrong on the way with FAULTS=1. */
  fault?: Fault & Aim;
}
export interface Done {
  step: Step;
  milliseconds: number;
  /** Trimmed. */
  stdout: string;
  stderr: string;
  /** Requests that the local GitHub saw meanwhile. */
  requests: number;
}
/** One place where the payload is, and its digest there. */
export interface Link {
  place: string;
  path: string;
  size: number;
  sha256: string;
}

const ASSET = assetName(DEFAULT_TARGET);
/** Variables that may be set around a rehearsal and must not reach its steps. Empty counts as unset. */
const UNSET = Object.fromEntries(
  [
    ...["TARGET", "FASTBOOP_STAGE0_TARGET", "FASTBOOP_STAGE0_EMBED_PATH", "OUT", "UNDRAFT", "PHONE", "GITHUB_ENV"],
    ...["FASTBOOP_STAGE0_MIRROR", "FASTBOOP_STAGE0_SHA256", "FASTBOOP_STAGE0_OFFLINE", ...TOKEN_KNOBS],
  ].map((name) => [name, ""]),
);
const PACKAGES = ["deb", "rpm", "apk"] as const;

/** Whether Alpine's own abuild is not installed, so that a stand-in for it has to do. */
const standsIn = (): boolean => findProgram("abuild") === undefined;

/** Whether WORKSPACE is a cargo workspace: one that holds stage0/ alone has no program to build around it. */
const hasPrograms = (): boolean => fs.existsSync(join(findWorkspace().dir, "Cargo.toml"));

/** Programs that the steps call, and the local GitHub. */
export const neededTools = (): Program[] => [
  // The user's own cargo is looked for by the build.
  ...(knob("FASTBOOP_STAGE0_CARGO") === undefined && knob("CARGO") === undefined ? ["cargo" as const] : []),
  ...RELEASE_TARGETS.map((target) => emulatorOf(target).program),
  "openssl",
  "flock",
  ...PACKAGES.flatMap((kind): readonly Program[] => (kind === "apk" && standsIn() ? ["busybox"] : KINDS[kind].tools)),
];

/** The steps in the order of the specification's "CI and Release Flow" and "Downstream Packaging". */
export function steps(work: string, github: GitHub, tag: string): Step[] {
  const path = environment().PATH ?? "";
  const standIn = standsIn();
  const dist = join(work, "dist");
  const fetched = join(work, "packager", ASSET);
  const server = {
    TAG: tag,
    GITHUB_SERVER_URL: github.server,
    GITHUB_API_URL: github.api,
    NODE_EXTRA_CA_CERTS: github.caFile,
    // The local GitHub is reached without a proxy.
    no_proxy: "localhost,127.0.0.1",
    NO_PROXY: "localhost,127.0.0.1",
  };
  const publisher = { ...server, DIST: dist, GH_ENTERPRISE_TOKEN: github.token };
  const packager = { DIST: join(work, "packager"), FASTBOOP_STAGE0_EMBED_PATH: fetched };
  return [
    {
      name: "build",
      script: "build-stage0.ts",
      args: ["--all"],
      env: { DIST: dist },
      proves: "cargo makes both release assets",
    },
    {
      name: "preflight",
      script: "preflight.ts",
      env: { DIST: dist },
      proves: "both pass every rule of the gate, and none is the other",
    },
    {
      name: "boot",
      script: "boot-stage0.ts",
      env: { DIST: dist },
      proves: "a real kernel runs each as PID 1",
    },
    ...(knob("PHONE")
      ? [
          {
            name: "phone",
            script: "phone.ts",
            env: { DIST: dist },
            proves: "the unmodified fastboop boots an emulated phone with each",
          },
        ]
      : []),
    { name: "sums", script: "sums.ts", env: { DIST: dist }, proves: `${SUMS} lists every file` },
    {
      name: "draft",
      script: "publish-stage0.ts",
      args: ["--draft"],
      env: publisher,
      proves: "there is one draft of the tag",
      fault: { on: "api", kind: "rate-limit", status: 429, retryAfter: 1 },
    },
    {
      name: "upload",
      script: "publish-stage0.ts",
      env: publisher,
      proves: "every asset came down again as it went up",
      fault: { on: "upload", kind: "reset", after: 10_000 },
    },
    {
      name: "verify",
      script: "publish-stage0.ts",
      env: publisher,
      proves: "a second run finds nothing left to upload",
      fault: { on: "blob", kind: "short", after: 5_000, framing: "length" },
    },
    {
      name: "un-draft",
      script: "publish-stage0.ts",
      env: { ...publisher, UNDRAFT: "1" },
      proves: "only a verified draft became public",
      fault: { on: "api", kind: "status", status: 502, method: "PATCH" },
    },
    {
      name: "fetch",
      script: "fetch-stage0.ts",
      env: {
        ...server,
        DIST: join(work, "packager"),
        OUT: fetched,
        FASTBOOP_STAGE0_TRUST: "sums",
        FASTBOOP_STAGE0_CACHE: join(work, "cache"),
      },
      proves: "a packager without a token gets the file, verified and gated",
      fault: { on: "blob", kind: "expired" },
    },
    ...(hasPrograms()
      ? [
          {
            name: "embed",
            script: "build-cli.ts",
            env: { ...packager, DIST: join(work, "embed") },
            proves: "fastboop-cli is built around the fetched file",
          },
        ]
      : []),
    ...PACKAGES.map((kind) => ({
      name: kind,
      script: "package.ts",
      args: [kind],
      // The stand-in comes last.
      env: { ...packager, TAG: tag, PATH: `${path}:${join(PROJECT, "test", "packaging")}` },
      proves: `the ${kind} contains the payload unchanged${kind === "apk" && standIn ? ", with a stand-in for abuild" : ""}`,
    })),
  ];
}

/** Runs a step as a process of its own. @throws Failure with the step's own exit code and its last lines of log */
export async function runStep(step: Step, github: GitHub, log: string, faults: boolean): Promise<Done> {
  const $ = await shell({ cwd: PROJECT, env: { ...environment(), ...UNSET, ...step.env } });
  if (faults && step.fault !== undefined) github.fault(step.fault);
  const before = github.requests.length;
  const start = performance.now();
  const command = scriptCommand(step.script, step.args);
  const child = await $`${command}`;
  fs.writeFileSync(join(log, `${step.name}.log`), `${child.stderr}${child.stdout}`);
  if (!child.ok) {
    const code = child.exitCode === 1 || child.exitCode === 2 ? child.exitCode : 3;
    throw new Failure(code, {
      what: `the step ${step.name} failed`,
      expected: step.proves,
      got: `${ending(child)}\n${child.stderr.trimEnd().split("\n").slice(-12).map(printable).join("\n")}`,
      fix: `read ${join(log, `${step.name}.log`)}`,
    });
  }
  const seen = github.requests.slice(before);
  if (faults && step.fault !== undefined && !seen.some(({ fault }) => fault === step.fault?.kind)) {
    throw new Error(`the step ${step.name} met no ${step.fault.kind}`);
  }
  return {
    step,
    milliseconds: performance.now() - start,
    stdout: child.stdout.trim(),
    stderr: child.stderr,
    requests: seen.length,
  };
}

/**
 * Follows the payload's bytes from cargo to the packages.
 * @throws Failure (1) naming every place where the bytes differ
 */
export async function custody(work: string, github: GitHub, tag: string, done: readonly Done[]): Promise<Link[]> {
  const built = join(work, "dist", ASSET);
  const origin = digestFile(built);
  const links: Link[] = [{ place: "built by cargo", path: built, ...origin }];
  const listed = parseSums(fs.readFileSync(join(work, "dist", SUMS))).entries.get(byteName(ASSET)) ?? "none";
  links.push({ place: `listed in ${SUMS}`, path: join(work, "dist", SUMS), size: origin.size, sha256: listed });
  const asset = github
    .releases()
    .find((release) => release.tag === tag && !release.draft)
    ?.asset(ASSET);
  if (asset === undefined) throw missingFailure({ what: `the local GitHub has no published release ${tag}` });
  links.push({ place: "asset of the release", path: asset.url, size: asset.size, sha256: asset.sha256 });
  const fetched = join(work, "packager", ASSET);
  links.push({ place: "fetched without a token", path: fetched, ...digestFile(fetched) });
  for (const { step, stdout, stderr } of done) {
    if (step.name === "embed") {
      const { held } = findEmbedded(stdout, built);
      const sha256 = held?.sha256 ?? "other bytes";
      links.push({ place: "embedded in fastboop-cli", path: stdout, size: origin.size, sha256 });
    }
    if (step.script === "package.ts") {
      // The digest that package.ts logs of the payload in the package.
      const [, sha256 = "none"] = /contains the payload unchanged: .* sha256 ([0-9a-f]{64})/.exec(stderr) ?? [];
      links.push({ place: `in the ${step.name}, at /usr/${INSTALL_PATH}`, path: stdout, size: origin.size, sha256 });
    }
  }
  const broken = links.filter(({ sha256 }) => sha256 !== origin.sha256);
  if (broken.length > 0) {
    throw contractFailure(
      ...broken.map(({ place, path, sha256 }) => ({
        file: printable(path),
        what: `the payload ${place} is not the one that was built`,
        expected: origin.sha256,
        got: sha256,
      })),
    );
  }
  return links;
}
