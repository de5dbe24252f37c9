/**
 * Preloaded where node runs a script of this project: Node reads TypeScript by itself from 22.18 on, and by tsx before.
 * Without tsx's part for CommonJS, which `--import tsx` brings too, the start takes two thirds of the time.
 */
const { register } = require("node:module");
const { pathToFileURL } = require("node:url");
const { isMainThread } = require("node:worker_threads");

// tsx's own thread preloads this too.
if (isMainThread && !process.features.typescript) {
  process.setSourceMapsEnabled(true);
  // A tsconfig.json of the folder that the user is in has no say here.
  register("tsx/esm", { parentURL: pathToFileURL(__filename), data: { tsconfig: false } });
}
