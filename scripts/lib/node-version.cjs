/** Ends a node that is too old for this project, and says what to do: npm looks at its version only when it installs. */
const OLDEST = "20.18.1"; // as package.json says

const number = (version) => version.split(".").reduce((sum, part) => sum * 1000 + Number(part), 0);

if (number(process.versions.node) < number(OLDEST)) {
  const { what, fix } = {
    what: "node is too old",
    fix: "npm install --global node@22 (as root) puts a newer one beside it; or see https://nodejs.org/en/download",
  };
  process.stderr.write(
    `error: ${what}\n  expected: Node.js ${OLDEST} or later\n  got:      v${process.versions.node}\n  fix:      ${fix}\n`,
  );
  process.exit(3);
}
