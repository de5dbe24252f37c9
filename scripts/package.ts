#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runScript } from "./lib/cli.ts";
import { assetName, DEFAULT_TARGET, downloadUrl } from "./lib/contract.ts";
import { printable, usageFailure } from "./lib/errors.ts";
import { lockFiles } from "./lib/fetch/request.ts";
import { checkWritable } from "./lib/files.ts";
import { digestFile, sha512File } from "./lib/hash.ts";
import { knob } from "./lib/knobs.ts";
import { say, size } from "./lib/log.ts";
import { KINDS, type PackageKind } from "./lib/package/kinds.ts";
import { buildPackage } from "./lib/package/packages.ts";
import { gatedPayload } from "./lib/package/payload.ts";
import { pinRecipes, readRecipes } from "./lib/package/recipes.ts";
import { distDir } from "./lib/paths.ts";
import { allOf } from "./lib/pool.ts";
import { checkRunsPrograms } from "./lib/process.ts";
import { showProgress } from "./lib/progress.ts";
import { readTag, spellTag } from "./lib/tags.ts";
import { checkTools } from "./lib/tools.ts";
import { readLock } from "./lib/trust/pins.ts";
import { refuseLocked } from "./lib/trust/withdrawn.ts";
import { findWorkspace, workspaceVersion } from "./lib/workspace.ts";

const isKind = (name: string): name is PackageKind => Object.hasOwn(KINDS, name);

await runScript({
  name: "package.ts",
  summary: "Builds a package of stage0's exact bytes, extracts them again and compares.",
  operands: Object.keys(KINDS).join("|"),
  options: {},
  knobs: [
    "FASTBOOP_STAGE0_EMBED_PATH",
    "FASTBOOP_STAGE0_ACCEPT_WITHDRAWN",
    "DIST",
    "TAG",
    "WORKSPACE",
    "GITHUB_SERVER_URL",
    "FASTBOOP_STAGE0_REPO",
    "FASTBOOP_STAGE0_MAX_SIZE",
    "SOURCE_DATE_EPOCH",
  ],
  prints: "the absolute path of the package",
  async main(_, operands) {
    const [kind = ""] = operands;
    if (!isKind(kind) || operands.length !== 1) {
      throw usageFailure({
        what: "no package format is named",
        expected: `one of ${Object.keys(KINDS).join(", ")}`,
        got: operands.length === 0 ? "none" : printable(operands.join(" ")),
        fix: "name one, as make package-deb does",
      });
    }
    const given = knob("TAG");
    const tag =
      given === undefined
        ? readTag(await workspaceVersion(findWorkspace().dir), "the workspace's version")
        : readTag(given, "TAG");
    const { withdrawn } = await readLock(lockFiles());
    refuseLocked(withdrawn, spellTag(tag));
    const [payload, source] = await checked(kind, given === undefined ? undefined : spellTag(tag));
    const digest = digestFile(payload);
    say(`packages ${printable(payload)}, from ${source}: ${size(digest.size)}, sha256 ${digest.sha256}`);
    const recipes = pinRecipes(readRecipes(), {
      tag,
      url: downloadUrl(
        knob("GITHUB_SERVER_URL"),
        knob("FASTBOOP_STAGE0_REPO"),
        spellTag(tag),
        assetName(DEFAULT_TARGET),
      ),
      sha256: digest.sha256,
      sha512: sha512File(payload),
      date: knob("SOURCE_DATE_EPOCH"),
    });
    const log = join(distDir(), "log", `package-${kind}.log`);
    const built = await showProgress(`package-${kind}`, (progress) =>
      buildPackage(kind, recipes, payload, distDir(), log, progress),
    );
    say(`the package contains the payload unchanged: ${size(built.size)}, sha256 ${built.sha256}`);
    process.stdout.write(`${built.path}\n`);
    return 0;
  },
});

/** The payload's path and what named it, once all that is known to be needed is there. */
async function checked(kind: PackageKind, tag: string | undefined): Promise<[path: string, source: string]> {
  let payload: ReturnType<typeof gatedPayload> = { path: "", source: "" };
  await allOf([
    async () => {
      payload = gatedPayload(tag);
    },
    async () => checkTools(KINDS[kind].tools),
    async () => checkWritable(distDir()),
    () => checkRunsPrograms(tmpdir(), "TMPDIR"),
  ]);
  return [payload.path, payload.source];
}
