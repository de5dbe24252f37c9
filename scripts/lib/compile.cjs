/**
 * A script of the project as one file of JavaScript, for a node that reads no TypeScript: esbuild, which comes with tsx, makes
 * it once, and again when a source changed.
 */
const fs = require("node:fs");
const { basename, dirname, join, relative } = require("node:path");

const PROJECT = dirname(dirname(__dirname));
/** As deep in the project as scripts/lib, from where paths.ts counts. */
const FOLDER = join(PROJECT, ".cache", "scripts");

/** What is another when a file was written. */
const stamp = (name) => {
  const { mtimeMs, size } = fs.statSync(join(PROJECT, name));
  return `${mtimeMs} ${size}`;
};

function isCurrent(file) {
  const text = fs.readFileSync(file, "utf8");
  const inputs = JSON.parse(text.slice(2, text.indexOf("\n")));
  return Object.entries(inputs).every(([name, value]) => stamp(name) === value);
}

function compile(script, file) {
  const start = Date.now();
  const { outputFiles, metafile } = require("esbuild").buildSync({
    entryPoints: [script],
    absWorkingDir: PROJECT,
    bundle: true,
    packages: "external",
    platform: "node",
    target: "node20",
    format: "esm",
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  const names = [...Object.keys(metafile.inputs), relative(PROJECT, __filename)];
  const inputs = Object.fromEntries(names.map((name) => [name, stamp(name)]));
  // What was written meanwhile, esbuild may have read before.
  if (names.some((name) => fs.statSync(join(PROJECT, name)).mtimeMs >= start)) throw new Error("a source changes");
  fs.mkdirSync(FOLDER, { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  fs.writeFileSync(temporary, `//${JSON.stringify(inputs)}\n${outputFiles[0].text.replace(/^#!.*\n/, "")}`);
  fs.renameSync(temporary, file);
}

/** The path of a script's JavaScript; undefined when it is none of scripts/, or nothing can be written there. */
exports.compiled = (entry) => {
  const script = fs.existsSync(entry) ? fs.realpathSync(entry) : entry;
  if (dirname(script) !== join(PROJECT, "scripts")) return undefined;
  const file = join(FOLDER, `${basename(script, ".ts")}.mjs`);
  try {
    if (isCurrent(file)) return file;
  } catch {
    // There is none yet.
  }
  try {
    compile(script, file);
    return file;
  } catch {
    return undefined;
  }
};
