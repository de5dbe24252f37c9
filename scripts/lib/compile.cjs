/**
 * A script of the project as one file of JavaScript, with the packages that it uses: esbuild, which comes with tsx, makes it.
 */
const fs = require("node:fs");
const { join, relative } = require("node:path");

const PROJECT = join(__dirname, "..", "..");
/** npm writes it whenever it changes a package. */
const PACKAGES = "node_modules/.package-lock.json";

/** Those that node has not loaded when it runs a script. */
const LATE = /^node:(?:child_process|net|stream|tls|v8|vm|zlib)$/;

/** Whether a name may be loaded when it is called: what is no function never is, and a class is made with new. */
const isCalled = (id, name) => /^[a-z]/.test(name) && typeof require(id)[name] === "function";

/**
 * Has node's own modules loaded by require: an import calls every getter of a module, and those of fs and util load what takes
 * as long as node itself takes to start. Those that few runs need are loaded when one of their functions is called.
 */
function withRequire(text) {
  const loaded = new Set();
  const calls = [];
  const load = (id) => {
    const name = id.replace(/\W/g, "$");
    if (!loaded.has(id)) calls.push(`const ${name} = require("${id}");`);
    loaded.add(id);
    return name;
  };
  const rest = text
    .replace(
      /^import (?:\* as (\w+)|(\w+)|\{([^}]*)\}) from "(node:[\w/]+)";\n/gm,
      (_, all, standard, names = "", id) => {
        const pairs = names.split(",").map((name) => name.trim().split(" as "));
        if (names === "") calls.push(`const ${all ?? standard} = ${load(id)};`);
        else
          for (const [name, as = name] of pairs)
            calls.push(
              LATE.test(id) && isCalled(id, name)
                ? `const ${as} = (...args) => require("${id}").${name}(...args);`
                : `const ${as} = ${load(id)}.${name};`,
            );
        return "";
      },
    )
    .replace(/\bimport\(("node:[\w/]+")\)/g, "Promise.resolve(require($1))");
  return `${calls.join("\n")}\n${rest}`;
}
exports.withRequire = withRequire;

/**
 * The text of a script's JavaScript: a line with the stamps of its sources, then an async function of `require` and of the URL
 * from which the project's folder is counted.
 * @param stamp what is another when a file, a path from the project's folder, was written
 */
exports.compile = (script, stamp) => {
  const start = Date.now();
  const { outputFiles, metafile } = require("esbuild").buildSync({
    entryPoints: [script],
    absWorkingDir: PROJECT,
    bundle: true,
    // What @cyclonedx/cyclonedx-library can do without.
    external: ["ajv", "ajv-formats", "ajv-formats-draft2019", "libxmljs2", "xmlbuilder2"],
    platform: "node",
    target: "node20",
    format: "esm",
    define: { "import.meta.url": "url" },
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  const sources = Object.keys(metafile.inputs).filter((name) => !name.includes("node_modules/"));
  const names = [...sources, relative(PROJECT, __filename), PACKAGES];
  const inputs = Object.fromEntries(names.map((name) => [name, stamp(name)]));
  // What was written meanwhile, esbuild may have read before.
  if (names.some((name) => fs.statSync(join(PROJECT, name)).mtimeMs >= start)) throw new Error("a source changes");
  const body = withRequire(outputFiles[0].text.replace(/^#!.*\n/, ""));
  return `//${JSON.stringify(inputs)}\n(async (require, url) => { "use strict";\n${body}})\n`;
};
