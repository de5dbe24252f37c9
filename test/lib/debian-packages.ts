/**
 * usage: debian-packages.ts unpack FOLDER PACKAGE…   for arm64
 *        debian-packages.ts install '' PACKAGE…
 *        debian-packages.ts kernels TRIPLE
 * stdout: the problems as JSON, or null.
 */

import { debianKernels } from "../../scripts/lib/boot/kernels.ts";
import { installPackages } from "../../scripts/lib/debian/install.ts";
import { withArchive } from "../../scripts/lib/debian.ts";
import { Failure } from "../../scripts/lib/errors.ts";
import { supportedTarget } from "../../scripts/lib/target.ts";

const [verb, folder = "", ...packages] = process.argv.slice(2);
const quiet = (): void => {};
try {
  if (verb === "install") await installPackages(packages, quiet);
  else if (verb === "kernels") await debianKernels(supportedTarget("TRIPLE", folder), quiet);
  else await withArchive(["arm64"], quiet, (archive) => archive.unpack([{ packages, folder }]));
  process.stdout.write("null\n");
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  process.stdout.write(`${JSON.stringify(error.problems)}\n`);
}
