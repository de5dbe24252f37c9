/** Checks of the actions that no linter makes: what they run, and that no input gets into a shell line. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Problem, printable } from "../../../scripts/lib/errors.ts";
import { PROJECT } from "../../../scripts/lib/paths.ts";

export const ACTIONS = join(PROJECT, "ci", "actions");

interface Action {
  inputs?: Record<string, { description?: string }>;
  runs?: { using?: string; steps?: { run?: string; uses?: string; env?: Record<string, string> }[] };
}

/** All problems of the actions in a folder, each of which is a folder with action.yml and README.md. */
export async function checkActions(folder = ACTIONS): Promise<Problem[]> {
  const { YAML } = await import("zx");
  const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return names.flatMap(({ name }): Problem[] => {
    const file = join(folder, name, "action.yml");
    const { inputs = {}, runs = {} } = YAML.parse(readFileSync(file, "utf8")) as Action;
    const steps = runs.steps ?? [];
    const values = steps.flatMap(({ env = {} }) => Object.values(env));
    const unread = Object.keys(inputs).filter((input) => !values.includes(`\${{ inputs.${input} }}`));
    const wrong = steps.filter(({ run = "" }) => {
      const [, script = ""] =
        /^"\$GITHUB_ACTION_PATH\/\.\.\/run" ([a-z0-9-]+\.ts)( --?[a-z]*(="\$[A-Z]+")?| "\$[A-Z]+")*$/.exec(run) ?? [];
      return script === "" || !existsSync(join(PROJECT, "scripts", script));
    });
    const readme = existsSync(join(folder, name, "README.md")) ? [] : [{ file, what: "has no README.md beside it" }];
    return [
      ...wrong.map(({ run, uses }) => ({
        file,
        what: "does more than to call one script",
        expected: '"$GITHUB_ACTION_PATH/../run" SCRIPT, with quoted variables',
        got: printable(run ?? uses ?? "nothing"),
      })),
      ...unread.map((input) => ({ file, what: `hands on no input ${printable(input)}` })),
      ...readme,
    ];
  });
}
