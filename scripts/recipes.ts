#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { join } from "node:path";
import { runScript } from "./lib/cli.ts";
import { assetName, DEFAULT_TARGET, downloadUrl, LOCK } from "./lib/contract.ts";
import { contractFailure, usageFailure } from "./lib/errors.ts";
import { lockFiles } from "./lib/fetch/request.ts";
import { writeText } from "./lib/files.ts";
import { knob } from "./lib/knobs.ts";
import { say } from "./lib/log.ts";
import { differing, pinnedTag, pinRecipes, RECIPES, readRecipes } from "./lib/package/recipes.ts";
import { readTag, spellTag } from "./lib/tags.ts";
import { findPin, readLock } from "./lib/trust/pins.ts";
import { refuseLocked } from "./lib/trust/withdrawn.ts";

await runScript({
  name: "recipes.ts",
  summary: "Writes a release's version, digests and address from stage0.lock into the packaging recipes.",
  options: { check: { type: "boolean", means: "write nothing; fail when a recipe differs from the lock" } },
  knobs: ["TAG", "WORKSPACE", "FASTBOOP_STAGE0_ACCEPT_WITHDRAWN", "FASTBOOP_STAGE0_REPO", "GITHUB_SERVER_URL"],
  prints: "the path of each file that was written",
  async main({ check }) {
    const recipes = readRecipes();
    const given = knob("TAG") ?? (check ? pinnedTag(recipes) : undefined);
    if (given === undefined) {
      if (!check) throw usageFailure({ what: "no release is named", fix: "TAG=vX.Y.Z" });
      const stale = differing(recipes, pinRecipes(recipes, undefined));
      if (stale.length > 0) {
        throw contractFailure(
          ...stale.map(({ path }) => ({
            file: `ci/packaging/${path}`,
            what: "differs from a recipe without pins, and payload.sh names no release",
            fix: "make recipes TAG=vX.Y.Z, or revert the change",
          })),
        );
      }
      say("the recipes pin no release");
      return 0;
    }
    const tag = readTag(given, knob("TAG") === undefined ? "the tag in payload.sh" : "TAG");
    const asset = assetName(DEFAULT_TARGET);
    const { pins, withdrawn } = await readLock(lockFiles());
    refuseLocked(withdrawn, spellTag(tag));
    const pin = findPin(pins, spellTag(tag), asset);
    if (pin?.sha512 === undefined) {
      throw usageFailure({
        what: `no ${LOCK} pins ${asset} of ${spellTag(tag)} with sha256 and sha512`,
        fix: `make lock TAG=${spellTag(tag)}`,
      });
    }
    const url = downloadUrl(knob("GITHUB_SERVER_URL"), knob("FASTBOOP_STAGE0_REPO"), spellTag(tag), asset);
    const stale = differing(recipes, pinRecipes(recipes, { tag, url, sha256: pin.sha256, sha512: pin.sha512 }));
    if (check && stale.length > 0) {
      throw contractFailure(
        ...stale.map(({ path }) => ({
          file: `ci/packaging/${path}`,
          what: `differs from what ${LOCK} pins for ${spellTag(tag)}`,
          fix: `make recipes TAG=${spellTag(tag)}`,
        })),
      );
    }
    for (const { path, text, mode } of stale) {
      writeText(join(RECIPES, path), text, mode);
      process.stdout.write(`${join(RECIPES, path)}\n`);
    }
    return 0;
  },
});
