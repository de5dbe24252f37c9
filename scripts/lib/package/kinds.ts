/** How each distribution's tool builds a package, and how the package is unpacked. */
import * as fs from "node:fs";
import { join } from "node:path";
import type { Program } from "../tools.ts";
import type { RecipeFile } from "./recipes.ts";

export interface Kind {
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
