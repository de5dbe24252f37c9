/**
 * usage: debian-packages.ts unpack FOLDER PACKAGE…   for arm64
 *        debian-packages.ts install '' PACKAGE…
 * stdout: the problems as JSON, or null.
 */

import { installPackages } from "../../scripts/lib/debian/install.ts";
import { unpackPackages } from "../../scripts/lib/debian.ts";
import { Failure } from "../../scripts/lib/errors.ts";

const [verb, folder = "", ...packages] = process.argv.slice(2);
const quiet = (): void => {};
try {
  await (verb === "install" ? installPackages(packages, quiet) : unpackPackages(packages, "arm64", folder, quiet));
  process.stdout.write("null\n");
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  process.stdout.write(`${JSON.stringify(error.problems)}\n`);
}
