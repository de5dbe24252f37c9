/**
 * Checks of workflow files that no linter makes: calls of workflows that are not there, artifacts that nobody uploads,
 * actions that are not pinned, and logic inside `run:`.
 */
import { contract } from "../../../scripts/lib/contract.ts";
import { type Problem, printable } from "../../../scripts/lib/errors.ts";
import { type WorkflowFile, workflowFiles } from "../../../scripts/lib/workflow-files.ts";

interface Step {
  uses?: string;
  run?: string;
  with?: Record<string, unknown>;
}
interface Job {
  uses?: string;
  with?: Record<string, unknown>;
  steps?: Step[];
  strategy?: { matrix?: unknown };
}
interface Input {
  required?: boolean;
  type?: string;
}
type Triggers = Record<string, { inputs?: Record<string, Input> } | null>;
/** A file with what it holds. The checks need its text too, because a pin's version is in a comment. */
interface Workflow extends WorkflowFile {
  data: { on?: Triggers | string | string[]; jobs?: Record<string, Job> } | null;
}

/** The workflow files of a folder, parsed. @throws YAMLParseError on a file that is no YAML */
export async function readWorkflows(folder?: string): Promise<Workflow[]> {
  const { YAML } = await import("zx");
  return workflowFiles(folder).map(({ file, text }) => ({ file, text, data: YAML.parse(text) as Workflow["data"] }));
}

/** The file that `uses: ./.github/workflows/NAME` names, or undefined for any other `uses`. */
const localName = (uses: string): string | undefined => /^\.\/\.github\/workflows\/([^/@]+)$/.exec(uses)?.[1];

const jobsOf = (workflow: Workflow): [string, Job][] => Object.entries(workflow.data?.jobs ?? {});

/** The triggers of a workflow; `on` has one of three forms. */
function triggersOf({ data }: Workflow): Triggers {
  const on = data?.on ?? {};
  return typeof on === "string" || Array.isArray(on) ? Object.fromEntries([on].flat().map((name) => [name, null])) : on;
}

/** The `run:` blocks of a workflow, each with its job. */
export const runBlocks = (workflow: Workflow): { job: string; run: string }[] =>
  jobsOf(workflow).flatMap(([job, { steps }]) =>
    (steps ?? []).flatMap(({ run }) => (run === undefined ? [] : [{ job, run: String(run) }])),
  );

/** All problems that the four checks find in a set of workflow files. */
export function checkWorkflows(workflows: readonly Workflow[]): Problem[] {
  return [
    ...workflows.flatMap((workflow) => checkCalls(workflow, workflows)),
    ...checkArtifacts(workflows),
    ...workflows.flatMap(checkPins),
    ...workflows.flatMap(checkRuns),
  ];
}

function checkCalls(workflow: Workflow, workflows: readonly Workflow[]): Problem[] {
  return jobsOf(workflow).flatMap(([name, job]) => {
    if (job.uses === undefined || !job.uses.startsWith("./")) return [];
    const at = { file: workflow.file };
    const called = workflows.find(({ file }) => file === localName(job.uses ?? ""));
    if (called === undefined) {
      return [
        {
          ...at,
          what: `job ${name} calls a workflow that is not there`,
          got: printable(job.uses),
          fix: "name a file of this folder",
        },
      ];
    }
    const on = triggersOf(called);
    if (!("workflow_call" in on)) {
      return [
        {
          ...at,
          what: `job ${name} calls ${called.file}, which has no workflow_call trigger`,
          fix: `add on: workflow_call to ${called.file}`,
        },
      ];
    }
    const inputs = on.workflow_call?.inputs ?? {};
    const given = job.with ?? {};
    const unknown = Object.keys(given).filter((key) => !(key in inputs));
    const missing = Object.keys(inputs).filter((key) => inputs[key]?.required === true && !(key in given));
    const mistyped = Object.entries(given).filter(([key, value]) => {
      const type = inputs[key]?.type;
      return type !== undefined && !(typeof value === "string" && value.includes("${{")) && typeof value !== type;
    });
    return [
      ...unknown.map((key) => ({
        ...at,
        what: `job ${name} gives ${called.file} an input it does not take: ${key}`,
        expected: Object.keys(inputs).join(", ") || "no input",
      })),
      ...missing.map((key) => ({ ...at, what: `job ${name} does not give ${called.file} its required input ${key}` })),
      ...mistyped.map(([key, value]) => ({
        ...at,
        what: `job ${name} gives ${called.file} an input of the wrong type: ${key}`,
        expected: String(inputs[key]?.type),
        got: typeof value,
      })),
    ];
  });
}

/** The names that a name with expressions can have: by the job's matrix where that is known, else any text. */
function expand(name: string, job: Job): string[] {
  const matrix = job.strategy?.matrix;
  const literal =
    typeof matrix === "object" && matrix !== null && "include" in matrix && Array.isArray(matrix.include)
      ? matrix.include
      : [];
  const rows: Record<string, unknown>[] =
    typeof matrix === "string" && matrix.includes("needs.contract.outputs.matrix")
      ? contract().matrix.include
      : literal;
  const expression = /\$\{\{ *(?:matrix\.([A-Za-z_-]+)|[^}]*) *\}\}/g;
  if (!expression.test(name)) return [name];
  return (rows.length > 0 ? rows : [{}]).map((row: Record<string, unknown>) =>
    name.replace(expression, (_, key?: string) => String((key && row[key]) ?? "*")),
  );
}

/** Glob with `*` alone, on both sides: an uploaded name may hold a part that is only known when it runs. */
function matches(pattern: string, name: string): boolean {
  const glob = (text: string): RegExp =>
    new RegExp(
      `^${text
        .split("*")
        .map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"))
        .join(".*")}$`,
    );
  return glob(pattern).test(name) || glob(name).test(pattern);
}

function artifacts(workflow: Workflow, action: string, key: "name" | "pattern"): { job: string; names: string[] }[] {
  return jobsOf(workflow).flatMap(([name, job]) =>
    (job.steps ?? [])
      .filter(({ uses = "", with: given = {} }) => uses.startsWith(`actions/${action}@`) && given[key] !== undefined)
      .map(({ with: given = {} }) => ({ job: name, names: expand(String(given[key]), job) })),
  );
}

/** The workflow and all that it calls, directly or not. */
function callGraph(root: Workflow, workflows: readonly Workflow[], seen: Workflow[] = []): Workflow[] {
  if (seen.includes(root)) return seen;
  seen.push(root);
  for (const [, job] of jobsOf(root)) {
    const called = workflows.find(({ file }) => file === localName(job.uses ?? ""));
    if (called !== undefined) callGraph(called, workflows, seen);
  }
  return seen;
}

function checkArtifacts(workflows: readonly Workflow[]): Problem[] {
  // What is called finds the artifacts of its callers' runs.
  const called = new Set(workflows.flatMap((workflow) => jobsOf(workflow).map(([, job]) => localName(job.uses ?? ""))));
  return workflows
    .filter((workflow) => !called.has(workflow.file) && !("workflow_call" in triggersOf(workflow)))
    .flatMap((root) => {
      const run = callGraph(root, workflows);
      const uploaded = run
        .flatMap((workflow) => artifacts(workflow, "upload-artifact", "name"))
        .flatMap(({ names }) => names);
      return run.flatMap((workflow) =>
        [
          ...artifacts(workflow, "download-artifact", "name"),
          ...artifacts(workflow, "download-artifact", "pattern"),
        ].flatMap(({ job, names }) =>
          names
            .filter((name) => !uploaded.some((upload) => matches(name, upload)))
            .map((name) => ({
              file: workflow.file,
              what: `job ${job} downloads an artifact that nothing in a run of ${root.file} uploads: ${printable(name)}`,
              expected: [...new Set(uploaded)].sort().join(", ") || "no artifact at all",
            })),
        ),
      );
    });
}

function checkPins(workflow: Workflow): Problem[] {
  const read: string[] = [];
  const unpinned = workflow.text.split("\n").flatMap((line, index) => {
    const [, uses, comment = ""] = /^\s*(?:-\s+)?uses:\s*["']?([^\s"'#]+)["']?\s*(?:#\s*(.*))?$/.exec(line) ?? [];
    if (uses === undefined) return [];
    read.push(uses);
    if (uses.startsWith("./")) return [];
    const pinned = uses.startsWith("docker://") ? /@sha256:[0-9a-f]{64}$/.test(uses) : /@[0-9a-f]{40}$/.test(uses);
    if (pinned && /^v[0-9]/.test(comment)) return [];
    return [
      {
        file: workflow.file,
        what: `line ${index + 1}: an action is not pinned by its digest with the version in a comment`,
        expected: `${uses.replace(/@.*/, "")}@<40 hexadecimal digits> # vX.Y.Z`,
        got: printable(line.trim()),
      },
    ];
  });
  return [...unpinned, ...unreadUses(workflow, read)];
}

/** Problems of every `uses` that YAML reads and no line shows: the version is in a comment, which only lines have. */
function unreadUses(workflow: Workflow, read: string[]): Problem[] {
  return jobsOf(workflow).flatMap(([job, { uses, steps }]) =>
    [uses, ...(steps ?? []).map((step) => step.uses)].flatMap((name) => {
      if (name === undefined) return [];
      const index = read.indexOf(String(name));
      if (index >= 0) return read.splice(index, 1) && [];
      return [
        {
          file: workflow.file,
          what: `job ${job} has a uses: that is not on a line of its own`,
          expected: "uses: OWNER/NAME@<40 hexadecimal digits> # vX.Y.Z",
          got: printable(String(name)),
        },
      ];
    }),
  );
}

function checkRuns(workflow: Workflow): Problem[] {
  return runBlocks(workflow)
    .filter(({ run }) => !/^make( [A-Za-z0-9_.=/-]+)+\n?$/.test(run))
    .map(({ job, run }) => ({
      file: workflow.file,
      what: `job ${job} has logic inside run:`,
      expected: "one line that calls make, without an expression",
      got: printable(run.trim().split("\n")[0] ?? ""),
      fix: "move it into a script, and values into env:",
    }));
}
