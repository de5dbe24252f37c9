/**
 * Preloaded where node runs a script of this project, which is TypeScript. Each node takes JavaScript that was made of it
 * once, with what it compiled of that itself. Where that can't be made, and for the contributors' scripts, Node reads
 * TypeScript by itself from 22.18 on, and by tsx before.
 */
const { accessSync, constants } = require("node:fs");
const module_ = require("node:module");
const { tmpdir } = require("node:os");
const { isAbsolute, join, resolve } = require("node:path");
const { pathToFileURL } = require("node:url");
const { compiled } = require("./compile.cjs");

/** As paths.ts has it: the module is not loaded yet. */
function cacheFolder() {
  const { CALLER_DIR, FASTBOOP_STAGE0_CACHE: given, XDG_CACHE_HOME: xdg = "", HOME: home = "" } = process.env;
  if (given) return resolve(CALLER_DIR || "", given, "node");
  const folder = isAbsolute(xdg) ? xdg : isAbsolute(home) ? join(home, ".cache") : undefined;
  return folder && join(folder, "stage0-distribution", "node");
}

const cache = cacheFolder();
// From 22.1 on. Where nothing can be written it does nothing, and each version of node writes into a folder of its own.
if (cache) module_.enableCompileCache?.(cache);
const script = compiled(process.argv[1] ?? "");
if (script !== undefined) start(script);
else if (!process.features.typescript) registerTsx();

function start(script) {
  let ended = false;
  // What node replaces here is how it starts a program.
  module_.runMain = () =>
    import(pathToFileURL(script)).then(() => {
      ended = true;
    });
  // As node has it when nothing is left to do and the script still waits.
  process.once("beforeExit", () => {
    if (!ended) process.exitCode = 13;
  });
}

/** Without tsx's part for CommonJS, which `--import tsx` brings too, the start takes two thirds of the time. */
function registerTsx() {
  // Its own thread preloads this too.
  if (!require("node:worker_threads").isMainThread) return;
  process.setSourceMapsEnabled(true);
  try {
    accessSync(tmpdir(), constants.W_OK);
  } catch {
    // tsx ends with a stack trace where its cache can't be written. The scripts name the folder where they need it.
    process.env.TSX_DISABLE_CACHE = "1";
  }
  // A tsconfig.json of the folder that the user is in has no say here.
  module_.register("tsx/esm", { parentURL: pathToFileURL(__filename), data: { tsconfig: false } });
}
