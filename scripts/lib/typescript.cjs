/**
 * Preloaded where node runs a script of this project, which is TypeScript. Each node takes JavaScript that was made of it
 * once, and again when a source changed, with what V8 compiled of that. Where that can't be made, and for the contributors'
 * scripts, Node reads TypeScript by itself from 22.18 on, and by tsx before.
 */
require("./node-version.cjs");
const fs = require("node:fs");
const module_ = require("node:module");
const { basename, dirname } = require("node:path");
const { pathToFileURL } = require("node:url");

const PROJECT = dirname(dirname(__dirname));
/** As deep in the project as scripts/lib, from where paths.ts counts. */
const FOLDER = `${PROJECT}/.cache/scripts`;

const javascript = compiled(process.argv[1] ?? "");
// What node replaces here is how it starts a program.
if (javascript !== undefined) module_.runMain = () => run(javascript);
else if (process.features.typescript) module_.enableCompileCache?.(`${PROJECT}/.cache/node`);
else registerTsx();

/** A script's JavaScript; undefined when it is none of scripts/, or nothing can be written there. */
function compiled(entry) {
  const script = fs.existsSync(entry) ? fs.realpathSync(entry) : entry;
  if (dirname(script) !== `${PROJECT}/scripts`) return undefined;
  const file = `${FOLDER}/${basename(script, ".ts")}.js`;
  try {
    const text = fs.readFileSync(file, "utf8");
    if (isCurrent(text)) return { file, text };
  } catch {
    // There is none yet.
  }
  try {
    const text = require("./compile.cjs").compile(script, stamp);
    fs.mkdirSync(FOLDER, { recursive: true });
    replace(file, text);
    return { file, text };
  } catch {
    return undefined;
  }
}

/** What is another when a file was written. */
function stamp(name) {
  const { mtimeMs, size } = fs.statSync(`${PROJECT}/${name}`);
  return `${mtimeMs} ${size}`;
}

function inputsOf(text) {
  return text.slice(0, text.indexOf("\n"));
}

function isCurrent(text) {
  const inputs = JSON.parse(inputsOf(text).slice(2));
  for (const name in inputs) if (stamp(name) !== inputs[name]) return false;
  return true;
}

function replace(file, content) {
  const temporary = `${file}.${process.pid}.tmp`;
  fs.writeFileSync(temporary, content);
  fs.renameSync(temporary, file);
}

function run({ file, text }) {
  const { Script } = require("node:vm");
  // Each version of V8 takes its own only. What --help runs is a small part, and would be all that others found.
  const kind = process.argv.includes("--help") ? "help" : "run";
  const cache = `${file}.${kind}-${process.version}-${process.arch}`;
  const inputs = Buffer.from(inputsOf(text));
  const cachedData = cachedFor(inputs, cache);
  const script = new Script(text, { filename: file, cachedData });
  let ended = false;
  script
    .runInThisContext()(require, pathToFileURL(file).href)
    .then(() => {
      ended = true;
    });
  // As node has it when nothing is left to do and the script still waits.
  process.once("beforeExit", () => {
    if (!ended) process.exitCode = 13;
  });
  if (cachedData !== undefined && !script.cachedDataRejected) return;
  // By then V8 has compiled what such a run needs. One that ends early, for what is wrong or missing, needs less than others.
  process.once("exit", (code) => {
    if (code > 1) return;
    try {
      replace(cache, Buffer.concat([script.createCachedData(), inputs]));
    } catch {
      // The next run compiles again.
    }
  });
}

/** What V8 compiled in an earlier run, if that was made of the same sources: V8 itself compares the text's length only. */
function cachedFor(inputs, cache) {
  try {
    const bytes = fs.readFileSync(cache);
    const end = bytes.length - inputs.length;
    return end > 0 && inputs.equals(bytes.subarray(end)) ? bytes.subarray(0, end) : undefined;
  } catch {
    return undefined;
  }
}

/** Without tsx's part for CommonJS, which `--import tsx` brings too, the start takes two thirds of the time. */
function registerTsx() {
  // Its own thread preloads this too.
  if (!require("node:worker_threads").isMainThread) return;
  process.setSourceMapsEnabled(true);
  try {
    fs.accessSync(require("node:os").tmpdir(), fs.constants.W_OK);
  } catch {
    // tsx ends with a stack trace where its cache can't be written. The scripts name the folder where they need it.
    process.env.TSX_DISABLE_CACHE = "1";
  }
  // A tsconfig.json of the folder that the user is in has no say here.
  module_.register("tsx/esm", { parentURL: pathToFileURL(__filename), data: { tsconfig: false } });
}
