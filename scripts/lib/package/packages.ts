/** Builds a package of the payload with a distribution's own tool, and extracts the payload again to compare it. */
import * as fs from "node:fs";
import { basename, join } from "node:path";
import { withTemporaryFolder } from "../cleanup.ts";
import { hostedName, INSTALL_PATH } from "../contract.ts";
import { contractFailure, missingFailure, printable } from "../errors.ts";
import { makeFolder, writeText } from "../files.ts";
import { digestFile } from "../hash.ts";
import { environment, knob } from "../knobs.ts";
import { say } from "../log.ts";
import { ending } from "../process.ts";
import { shell } from "../shell.ts";
import { type Program, requireTools } from "../tools.ts";
import type { RecipeFile } from "./recipes.ts";

interface Kind {
  /** Programs that it needs. */
  tools: readonly Program[];
  /** Writes the recipe into a folder as the tool wants it. */
  writeSources(recipes: readonly RecipeFile[], folder: string): void;
  /** The command that builds in that folder. */
  command(folder: string, epoch: number | undefined): string[];
  /** The end of the package's name; it is found below the folder's parent. */
  suffix: string;
  /** The command that unpacks a package into a folder. */
  unpack(file: string, folder: string): string[];
}

const writeRecipe = (folder: string, path: string, { text, mode }: RecipeFile): void => {
  const target = join(folder, path);
  fs.mkdirSync(join(target, ".."), { recursive: true });
  fs.writeFileSync(target, text, { mode });
  fs.chmodSync(target, mode);
};

/** The files of a recipe's own folder and the script that all recipes share, without the folder's name. */
function writeFlat(prefix: string, folder: string, recipes: readonly RecipeFile[]): void {
  for (const recipe of recipes) {
    if (recipe.path.startsWith(prefix)) writeRecipe(folder, recipe.path.slice(prefix.length), recipe);
    if (recipe.path === "payload.sh") writeRecipe(folder, recipe.path, recipe);
  }
}

export const KINDS = {
  deb: {
    tools: ["dpkg-buildpackage", "dh"],
    writeSources: (recipes, folder) => writeFlat("debian/", join(folder, "debian"), recipes),
    // -d: what it takes was looked for above, and dpkg knows of no package on another system than Debian.
    command: () => ["dpkg-buildpackage", "-b", "-us", "-uc", "--no-sign", "-d"],
    suffix: ".deb",
    unpack: (file, folder) => ["dpkg-deb", "-x", file, folder],
  },
  rpm: {
    tools: ["rpmbuild", "rpm2cpio", "cpio"],
    writeSources: (recipes, folder) => writeFlat("rpm/", folder, recipes),
    command: (folder, epoch) => [
      "rpmbuild",
      "-bb",
      ...defines({ _topdir: join(folder, "rpmbuild"), _sourcedir: folder, _rpmdir: join(folder, "..", "out") }),
      // Without a build host's name and time two builds are the same bytes (reproducible-builds.org).
      ...(epoch === undefined
        ? []
        : defines({
            use_source_date_epoch_as_buildtime: "1",
            clamp_mtime_to_source_date_epoch: "1",
            _buildhost: "localhost",
          })),
      join(folder, "fastboop-stage0.spec"),
    ],
    suffix: ".rpm",
    unpack: (file, folder) => ["sh", "-c", 'rpm2cpio "$1" | cpio -idm --quiet -D "$2"', "sh", file, folder],
  },
  apk: {
    tools: ["abuild"],
    writeSources: (recipes, folder) => writeFlat("alpine/", folder, recipes),
    // Its phases up to the package, without the index, which would want a key that this machine trusts.
    command: (folder) => [
      "abuild",
      "-F",
      "-P",
      join(folder, "..", "out"),
      "fetch",
      "verify",
      "unpack",
      "prepare",
      "build",
      "rootpkg",
    ],
    suffix: ".apk",
    unpack: (file, folder) => ["tar", "-xzf", file, "-C", folder],
  },
} as const satisfies Record<string, Kind>;
export type PackageKind = keyof typeof KINDS;

const defines = (macros: Record<string, string>): string[] =>
  Object.entries(macros).flatMap(([name, value]) => ["--define", `${name} ${value}`]);

interface Built {
  /** Absolute path of the package. */
  path: string;
  /** Bytes of the payload, and its digest in lower-case hexadecimal: the same inside and outside. */
  size: number;
  sha256: string;
}

/**
 * Builds a package of a payload and compares the two.
 * @param payload absolute path of a stage0 file that has passed the gate
 * @param dist folder that the package is moved to, under a name that a release can carry
 * @param log file for the tool's output
 * @throws Failure (3) when the tool is missing or fails, (1) when the package changed the payload
 */
export async function buildPackage(
  kind: PackageKind,
  recipes: readonly RecipeFile[],
  payload: string,
  dist: string,
  log: string,
): Promise<Built> {
  const definition: Kind = KINDS[kind];
  await requireTools(definition.tools, say);
  return withTemporaryFolder(async (root) => {
    const folder = join(root, "fastboop-stage0");
    const out = join(root, "out");
    fs.mkdirSync(out, { recursive: true });
    definition.writeSources(recipes, folder);
    const keys = join(root, "keys");
    const own = { FASTBOOP_STAGE0_EMBED_PATH: payload, ...(kind === "apk" && { ABUILD_USERDIR: keys }) };
    const $ = await shell({ cwd: folder, env: { ...environment(), ...own } });
    if (kind === "apk") {
      fs.mkdirSync(keys);
      await $`abuild-keygen -a -n`;
    }
    const command = definition.command(folder, knob("SOURCE_DATE_EPOCH"));
    const result = await $`${command}`;
    const { stdout, stderr } = result;
    makeFolder(join(log, ".."));
    fs.writeFileSync(log, stdout + stderr);
    if (!result.ok) {
      throw missingFailure({
        what: `${command[0]} failed`,
        got: `${ending(result)}\n${printable((stdout + stderr).trimEnd().split("\n").slice(-15).join("\n")).replaceAll("\\n", "\n")}`,
        fix: `read ${log}`,
      });
    }
    const found = fs
      .readdirSync(root, { recursive: true, encoding: "utf8" })
      .find((name) => name.endsWith(definition.suffix));
    if (found === undefined)
      throw missingFailure({ what: `${command[0]} made no ${definition.suffix} file`, fix: `read ${log}` });

    const inside = join(root, "inside");
    fs.mkdirSync(inside);
    await $`${definition.unpack(join(root, found), inside)}`;
    const digest = comparePayload(join(inside, "usr", INSTALL_PATH), payload, found);
    // The `~` of a release candidate's version would not survive an upload to a release.
    const path = join(dist, hostedName(basename(found)));
    writeText(path, fs.readFileSync(join(root, found)));
    return { path, ...digest };
  });
}

function comparePayload(inside: string, payload: string, name: string): { size: number; sha256: string } {
  const expected = digestFile(payload);
  if (!fs.existsSync(inside)) {
    throw contractFailure({
      file: name,
      what: "the package does not contain the payload",
      expected: `/usr/${INSTALL_PATH}`,
    });
  }
  const got = digestFile(inside);
  const mode = fs.statSync(inside).mode & 0o7777;
  if (got.sha256 !== expected.sha256 || mode !== 0o644) {
    throw contractFailure({
      file: name,
      what: "packaging changed the payload",
      expected: `sha256 ${expected.sha256}, mode 0644`,
      got: `sha256 ${got.sha256}, mode 0${mode.toString(8)}`,
      fix: "keep the packaging tool from stripping it",
    });
  }
  return expected;
}
