/**
 * A script of the project as one file of JavaScript: esbuild, which comes with tsx, makes it once, and again when a source
 * changed.
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

const REQUIRE =
  'import { createRequire as requireOf } from "node:module";\nconst require = requireOf(import.meta.url);\n';

/**
 * Has node's own modules loaded by require: an import calls every getter of a module, and those of fs and util load what takes
 * as long as node itself takes to start. child_process, of which only functions are used, is loaded when one is called.
 */
function withRequire(text) {
  const calls = [];
  const rest = text.replace(
    /^import (?:\* as (\w+)|(\w+)|\{([^}]*)\}) from "(node:[\w/]+)";\n/gm,
    (_, all, standard, names = "", id) => {
      const load = `require("${id}")`;
      const pairs = names.split(",").map((name) => name.trim().split(" as "));
      if (names === "") calls.push(`const ${all ?? standard} = ${load};`);
      else if (id !== "node:child_process")
        calls.push(`const { ${pairs.map((pair) => pair.join(": ")).join(", ")} } = ${load};`);
      else calls.push(...pairs.map(([name, as = name]) => `const ${as} = (...args) => ${load}.${name}(...args);`));
      return "";
    },
  );
  return `${REQUIRE}${calls.join("\n")}\n${rest}`;
}
exports.withRequire = withRequire;

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
  const text = withRequire(outputFiles[0].text.replace(/^#!.*\n/, ""));
  fs.writeFileSync(temporary, `//${JSON.stringify(inputs)}\n${text}`);
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
