/** Runs the fetch scripts against a local GitHub, and returns all that a test looks at afterwards. */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { assetName } from "../../scripts/lib/contract.ts";
import { PROJECT } from "../../scripts/lib/paths.ts";
import { startGitHub } from "../github/server.ts";
import type { AssetSpec, GitHub, Options } from "../github/types.ts";
import { elfFile } from "./elf-file.ts";
import { namesIn, type Outcome, RUNTIME, runProgram, temporaryFolder } from "./harness.ts";

export const X86_64 = "x86_64-unknown-linux-musl";
export const AARCH64 = "aarch64-unknown-linux-musl";
export const ASSET = assetName(X86_64);
export const OTHER = assetName(AARCH64);
export const TAG = "v1.2.3";
/** No multiple of anything that a buffer or block is made of. */
const SIZE = 1_234_567;
export const BYTES = elfFile(X86_64, SIZE);
export const OTHER_BYTES = elfFile(AARCH64, 345_678);
export const digest = (bytes: Uint8Array, algorithm = "sha256"): string =>
  createHash(algorithm).update(bytes).digest("hex");
export const SHA256 = digest(BYTES);

/** A list as the release has it. */
export const sumsOf = (files: Record<string, Uint8Array>): string =>
  Object.entries(files)
    .map(([name, bytes]) => `${digest(bytes)}  ${name}\n`)
    .join("");
export const SUMS = sumsOf({ [OTHER]: OTHER_BYTES, [ASSET]: BYTES });

/** The assets of a release as it should be, with some of them different or (undefined) missing. */
export function assets(changes: Record<string, Partial<AssetSpec> | undefined> = {}): AssetSpec[] {
  const whole: Record<string, AssetSpec> = {
    [OTHER]: { name: OTHER, bytes: OTHER_BYTES },
    [ASSET]: { name: ASSET, bytes: BYTES },
    SHA256SUMS: { name: "SHA256SUMS", bytes: SUMS },
  };
  return Object.values(whole).flatMap((asset) => {
    if (asset.name in changes && changes[asset.name] === undefined) return [];
    return [{ ...asset, ...changes[asset.name] }];
  });
}

/** Every line that any run has written, and every secret that none of them may hold. */
const written: string[] = [];
const secrets = new Set<string>(["sig="]);
/** Secrets that showed up in what was written. */
export const leaks = (): string[] => [...secrets].filter((secret) => written.some((text) => text.includes(secret)));
export const keepSecret = (secret: string): void => void secrets.add(secret);

export interface Run extends Outcome {
  /** What stderr says, with hosts, folder and times replaced by words. */
  log: string;
  /** The folder that the run had to itself. */
  folder: string;
  /** Names below dist/fetched/TAG, hidden ones too; a partial is `…part`. */
  left: string[];
  /** What the server saw: route, last part of the path, range, status. */
  requests: string[];
}

/** A folder for a run: dist, cache and caller's folder in it. */
export const newFolder = (): string => temporaryFolder("fetch");

/** The environment of a run in a folder against a server. */
const environment = (github: GitHub | undefined, folder: string): Record<string, string | undefined> => ({
  DIST: join(folder, "dist"),
  FASTBOOP_STAGE0_CACHE: join(folder, "cache"),
  // Without it every test would need a pin, because the local server is not the default origin.
  FASTBOOP_STAGE0_TRUST: "sums",
  TARGET: X86_64,
  TAG,
  GITHUB_SERVER_URL: github?.server,
  GITHUB_API_URL: github?.api,
  NODE_EXTRA_CA_CERTS: github !== undefined && fs.existsSync(github.caFile) ? github.caFile : undefined,
});

export type Env = Record<string, string | undefined>;

interface Settings {
  folder?: string;
  /** File name of the script, and its arguments. */
  name?: string;
  args?: readonly string[];
  /** A program to run it under. */
  prefix?: readonly string[];
  /** Called with the process id once it runs. */
  started?: (pid: number) => void;
}

/** Runs fetch-stage0, or another script. */
export async function fetchRun(
  github: GitHub | undefined,
  env: Env = {},
  { folder = newFolder(), name = "fetch-stage0.ts", args = [], prefix = [], started }: Settings = {},
): Promise<Run> {
  const seen = github?.requests.length ?? 0;
  const caller = join(folder, "caller");
  fs.mkdirSync(caller, { recursive: true });
  const outcome = await runProgram([...prefix, ...RUNTIME, join(PROJECT, "scripts", name), ...args], {
    cwd: caller,
    env: { ...environment(github, folder), CALLER_DIR: caller, ...env },
    ...(started && { started }),
  });
  written.push(outcome.stdout, outcome.stderr);
  for (const secret of github?.secrets ?? []) secrets.add(secret);
  return {
    ...outcome,
    log: plain(outcome.stderr, github, folder),
    folder,
    left: leftIn(join(folder, "dist", "fetched", TAG)),
    requests: (github?.requests.slice(seen) ?? []).map(({ route, method, path, range, status }) =>
      [
        route,
        ...(method === "GET" ? [] : [method]),
        route === "blob" ? "" : path.replace(/\?.*/, "").split("/").at(-1),
        range?.replace("bytes=", ""),
        status ?? "none",
      ]
        .filter((part) => part !== "" && part !== undefined)
        .join(" "),
    ),
  };
}

function plain(text: string, github: GitHub | undefined, folder: string): string {
  let plainText = text.replaceAll(folder, "FOLDER");
  const hosts = github && {
    server: github.server,
    api: github.api,
    blobs: github.blobs,
    foreign: github.foreign,
    refused: github.refused,
  };
  for (const [name, origin] of Object.entries(hosts ?? {})) {
    const { host } = new URL(origin);
    plainText = plainText
      .replaceAll(`${new URL(origin).protocol}//${host}`, name.toUpperCase())
      .replaceAll(host, name.toUpperCase());
  }
  return plainText
    .replaceAll(SHA256, "SHA256")
    .replace(/\(\d+\.\d s\)/g, "(T s)")
    .replace(/in \d+\.\d s/g, "in T s");
}

/** Other runs may be at work in the folder. */
const leftIn = (folder: string): string[] => namesIn(folder).map((name) => name.replace(/^\..*\.part$/, "…part"));

/** Where a run has put the asset. */
export const placed = (run: Run, name = ASSET): string => join(run.folder, "dist", "fetched", TAG, name);

/** The lines that a log has to have; `…` matches anything. Spaces that only align count as one. */
export function says(log: string, expected: string): void {
  const tidy = (text: string): string => text.trim().replace(/^ +/gm, "").replace(/ {2,}/g, " ");
  const pattern = tidy(expected)
    .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replaceAll("…", ".*");
  if (!new RegExp(`^${pattern}$`).test(tidy(log)))
    throw new Error(`it says\n${tidy(log)}\n\nand not\n${tidy(expected)}`);
}

/** Some servers, each lent to one body at a time. */
export class Servers {
  readonly #free: GitHub[] = [];
  readonly #waiting: ((github: GitHub) => void)[] = [];
  readonly #all: Promise<GitHub>[] = [];

  constructor(count: number, options: Options) {
    for (let index = 0; index < count; index++) {
      const starting = startGitHub(options);
      this.#all.push(starting);
      void starting.then((github) => this.#give(github));
    }
  }

  #give(github: GitHub): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(github);
    else next(github);
  }

  /** Runs a body with a server that remembers nothing. @throws also when the server broke its own schema */
  async lend<T>(body: (github: GitHub) => Promise<T>): Promise<T> {
    const github = this.#free.shift() ?? (await new Promise<GitHub>((resolve) => this.#waiting.push(resolve)));
    try {
      github.reset({ releases: true });
      const result = await body(github);
      if (github.errors.length > 0) throw new Error(`the server complains: ${github.errors.join("; ")}`);
      return result;
    } finally {
      this.#give(github);
    }
  }

  async close(): Promise<void> {
    for (const github of this.#all) await (await github).close();
  }
}
