/**
 * Preloaded where node runs a script of this project: Node reads TypeScript by itself from 22.18 on, and by tsx before.
 * Without tsx's part for CommonJS, which `--import tsx` brings too, the start takes two thirds of the time.
 */
const { accessSync, constants } = require("node:fs");
const { register } = require("node:module");
const { tmpdir } = require("node:os");
const { pathToFileURL } = require("node:url");
const { isMainThread } = require("node:worker_threads");

// tsx's own thread preloads this too.
if (isMainThread && !process.features.typescript) {
  process.setSourceMapsEnabled(true);
  try {
    accessSync(tmpdir(), constants.W_OK);
  } catch {
    // tsx ends with a stack trace where its cache can't be written. The scripts name the folder where they need it.
    process.env.TSX_DISABLE_CACHE = "1";
  }
  // A tsconfig.json of the folder that the user is in has no say here.
  register("tsx/esm", { parentURL: pathToFileURL(__filename), data: { tsconfig: false } });
}
