/**
 * Executes workflow files on this machine as GitHub's runner does: jobs in the order of their needs, `if`, matrices,
 * called workflows, outputs, expressions, and each `run:` in its shell with GITHUB_ENV, GITHUB_OUTPUT and the step
 * summary as files. The project's own actions are run; others have stand-ins by name, and one without fails. The container
 * of a job is this machine itself; the shell of the Alpine chroot is busybox's sh, with the programs of the packages that
 * were asked for.
 */
import * as fs from "node:fs";
import { basename, isAbsolute, join } from "node:path";
import { data, Evaluator, Lexer, Parser } from "@actions/expressions";
import { readWorkflows } from "../../ci/dev/lib/workflows.ts";
import { digestFile } from "../../scripts/lib/hash.ts";
import { copyProject, runProgram, temporaryFolder } from "./harness.ts";

interface Step {
  id?: string;
  if?: string | boolean;
  uses?: string;
  run?: string;
  shell?: string;
  with?: Record<string, unknown>;
  env?: Record<string, unknown>;
  "working-directory"?: string;
}
interface Job {
  needs?: string | string[];
  if?: string | boolean;
  uses?: string;
  with?: Record<string, unknown>;
  env?: Record<string, unknown>;
  outputs?: Record<string, string>;
  steps?: Step[];
  strategy?: { matrix?: unknown };
  permissions?: Record<string, string>;
  defaults?: { run?: { shell?: string; "working-directory"?: string } };
}
interface File {
  on?: Record<string, { inputs?: Record<string, { default?: unknown }> } | null>;
  env?: Record<string, unknown>;
  permissions?: Record<string, string>;
  defaults?: Job["defaults"];
  jobs: Record<string, Job>;
}
/** An action.yml of the project's own. */
interface Action {
  inputs?: Record<string, { required?: boolean; default?: unknown }>;
  outputs?: Record<string, { value: string }>;
  runs: { steps: Step[] };
}
export type Result = "success" | "failure" | "skipped";
interface StepRecord {
  job: string;
  step: string;
  result: Result;
  output: string;
}
/** What an action's stand-in came to. */
interface Stood {
  ok: boolean;
  output: string;
  outputs?: Record<string, string>;
}
interface Settings {
  /** Makes the work folder of a job what a checkout of the repository would hold. */
  checkout(folder: string): void;
  /** The `github` context; `token` is what a job with `contents: write` gets. */
  github: Record<string, unknown>;
  secrets?: Record<string, string>;
  /** Stand-ins for actions that only one test's workflows use. */
  actions?: Record<string, (given: Record<string, unknown>, workspace: string) => Promise<string>>;
  /** What actions/attest signs: the bundle of a statement about the lines of a list. */
  attest?: (list: string, result?: { type: string; predicate: unknown }) => Promise<string>;
  /** Added to the environment of every step. */
  env: Record<string, string>;
  /** Folder of the workflow files; default: the project's. */
  folder?: string;
}

/** The shells of GitHub's documentation, and a stand-in for the Alpine chroot's. */
const SHELLS: Record<string, (file: string) => string[]> = {
  "": (file) => ["bash", "-e", file],
  bash: (file) => ["bash", "--noprofile", "--norc", "-eo", "pipefail", file],
  sh: (file) => ["sh", "-e", file],
  "alpine.sh --root {0}": (file) => ["/bin/busybox", "sh", "-e", file],
};

/** Programs that a bare Alpine lacks, by package. abuild is the tests' stand-in. */
const ALPINE: Record<string, readonly string[]> = {
  abuild: ["abuild", "abuild-keygen"],
  bash: ["bash"],
  make: ["make"],
  nodejs: ["node"],
  npm: ["npm"],
};

/** A folder of programs like an Alpine chroot's: busybox, and the programs of the packages. */
async function alpinePrograms(packages: string, path: string): Promise<string> {
  const folder = temporaryFolder("alpine");
  const installed = packages.split(" ").flatMap((name) => {
    const found = ALPINE[name];
    if (found === undefined) throw new Error(`no stand-in for Alpine's package ${name}`);
    return found;
  });
  // Alpine's busybox has the applet install, Debian's does not.
  const programs = ["install", ...installed];
  const link = `busybox --install -s "$0"; for name; do ln -sf "$(command -v "$name")" "$0/$name"; done`;
  const { code, stderr } = await runProgram(["sh", "-c", link, folder, ...programs], { env: { PATH: path } });
  if (code !== 0) throw new Error(stderr);
  return folder;
}

interface JobState {
  result: Result;
  outputs: Record<string, string>;
}

export class WorkflowRun {
  readonly steps: StepRecord[] = [];
  /** What was kept in and taken from the cache between runs: what, the key and the path. */
  readonly cached: string[] = [];
  /** The artifacts that jobs have uploaded: folders by name. */
  readonly artifacts = temporaryFolder("artifacts");
  /** The lists of checksums that were attested. */
  readonly attested: string[] = [];
  readonly #settings: Settings;
  /** The programs of the job's Alpine chroot. */
  #alpine = "";
  /** The project as GitHub downloads it for an action, once that was needed. */
  #downloaded: string | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Runs a workflow file to its end. Returns the result of each job, those of called workflows as `caller/job`. */
  async run(name: string, inputs: Record<string, unknown> = {}): Promise<Record<string, Result>> {
    const results: Record<string, Result> = {};
    await this.#workflow(name, inputs, "", results);
    return results;
  }

  async #workflow(
    name: string,
    given: Record<string, unknown>,
    prefix: string,
    results: Record<string, Result>,
  ): Promise<Record<string, JobState>> {
    const found = (await readWorkflows(this.#settings.folder)).find(({ file }) => file === name);
    if (found === undefined) throw new Error(`no workflow ${name}`);
    const file = found.data as File;
    const inputs: Record<string, unknown> = {};
    for (const [key, input] of Object.entries(file.on?.workflow_call?.inputs ?? {}))
      inputs[key] = given[key] ?? input.default ?? "";
    Object.assign(inputs, given);
    const done: Record<string, JobState> = {};
    const waiting = new Map(Object.entries(file.jobs));
    while (waiting.size > 0) {
      const ready = [...waiting].find(([, { needs = [] }]) => [needs].flat().every((need) => need in done));
      if (ready === undefined) throw new Error(`${name}: jobs wait for each other: ${[...waiting.keys()].join(", ")}`);
      const [id, job] = ready;
      waiting.delete(id);
      const state = await this.#job(file, id, job, inputs, done, prefix, results);
      done[id] = state;
      results[prefix + id] = state.result;
    }
    return done;
  }

  async #job(
    file: File,
    id: string,
    job: Job,
    inputs: Record<string, unknown>,
    done: Record<string, JobState>,
    prefix: string,
    results: Record<string, Result>,
  ): Promise<JobState> {
    const needs = Object.fromEntries([job.needs ?? []].flat().map((need) => [need, done[need]]));
    const permissions = { ...file.permissions, ...job.permissions };
    const github = {
      ...this.#settings.github,
      token: permissions.contents === "write" ? this.#settings.github.token : "",
    };
    const context = { github, inputs, needs, secrets: this.#settings.secrets ?? {} };
    const unmet = Object.values(needs).some((need) => need?.result !== "success");
    if (!this.#condition(job.if, context, unmet)) return { result: "skipped", outputs: {} };
    if (job.uses !== undefined) {
      const called = job.uses.replace("./.github/workflows/", "");
      const jobs = await this.#workflow(called, this.#evaluateAll(job.with ?? {}, context), `${prefix}${id}/`, results);
      return {
        result: Object.values(jobs).every(({ result }) => result !== "failure") ? "success" : "failure",
        outputs: {},
      };
    }
    const given = job.strategy?.matrix;
    const matrix = typeof given === "string" ? JSON.parse(JSON.stringify(this.#value(given, context))) : given;
    const rows: Record<string, unknown>[] = (matrix as { include?: Record<string, unknown>[] })?.include ?? [{}];
    let state: JobState = { result: "success", outputs: {} };
    for (const row of rows) {
      const one = await this.#steps(file, prefix + id, job, { ...context, matrix: row });
      state = { result: state.result === "failure" ? "failure" : one.result, outputs: one.outputs };
    }
    return state;
  }

  async #steps(file: File, id: string, job: Job, jobContext: Record<string, unknown>): Promise<JobState> {
    const workspace = temporaryFolder(`job-${id.replaceAll("/", "-")}`);
    const files = temporaryFolder("runner");
    const exported: Record<string, string> = {};
    const steps: Record<string, { outputs: Record<string, string>; outcome: Result }> = {};
    let failed = false;
    for (const [index, step] of (job.steps ?? []).entries()) {
      const context = { ...jobContext, steps, env: exported, runner: { os: "Linux" } };
      const name = step.id ?? step.run ?? step.uses?.replace(/@.*/, "") ?? String(index);
      if (!this.#condition(step.if, context, failed)) {
        this.steps.push({ job: id, step: name, result: "skipped", output: "" });
        continue;
      }
      const env = {
        ...this.#evaluateAll({ ...file.env, ...job.env }, context),
        ...exported,
        ...this.#evaluateAll(step.env ?? {}, context),
      };
      const paths = { GITHUB_ENV: "env", GITHUB_OUTPUT: `output-${index}`, GITHUB_STEP_SUMMARY: `summary-${index}` };
      const variables = { ...this.#settings.env, CI: "true", GITHUB_ACTIONS: "true", ...env } as Record<string, string>;
      for (const [variable, path] of Object.entries(paths)) {
        variables[variable] = join(files, path);
        fs.appendFileSync(join(files, path), "");
      }
      const action = /\bci\/actions\/[a-z0-9-]+(?=@|$)/.exec(step.uses ?? "")?.[0];
      const given = this.#evaluateAll(step.with ?? {}, context);
      const outcome: Stood = action
        ? await this.#composite(step.uses ?? "", action, given, context, workspace, variables)
        : step.uses
          ? await this.#stand(step.uses, given, workspace)
          : await this.#shell(
              { ...step, run: String(this.#value(step.run ?? "", context)) },
              { ...file.defaults?.run, ...job.defaults?.run },
              workspace,
              files,
              variables,
              index,
            );
      Object.assign(exported, readPairs(join(files, "env")));
      this.steps.push({ job: id, step: name, result: outcome.ok ? "success" : "failure", output: outcome.output });
      if (step.id)
        steps[step.id] = {
          outputs: { ...readPairs(join(files, paths.GITHUB_OUTPUT)), ...outcome.outputs },
          outcome: outcome.ok ? "success" : "failure",
        };
      failed ||= !outcome.ok;
    }
    const outputs = this.#evaluateAll(job.outputs ?? {}, { ...jobContext, steps }) as Record<string, string>;
    return { result: failed ? "failure" : "success", outputs };
  }

  async #shell(
    step: Step,
    defaults: { shell?: string; "working-directory"?: string },
    workspace: string,
    files: string,
    env: Record<string, string>,
    index: number,
  ): Promise<{ ok: boolean; output: string }> {
    const shell = SHELLS[step.shell ?? defaults.shell ?? ""];
    if (shell === undefined) throw new Error(`no stand-in for the shell ${step.shell}`);
    const file = join(files, `step-${index}.sh`);
    fs.writeFileSync(file, step.run ?? "");
    const cwd = join(workspace, step["working-directory"] ?? defaults["working-directory"] ?? ".");
    const chroot = step.shell?.startsWith("alpine.sh") ? { PATH: this.#alpine } : {};
    const { code, stdout, stderr } = await runProgram(shell(file), { cwd, env: { ...env, ...chroot } });
    return { ok: code === 0, output: stdout + stderr };
  }

  /** Runs one of the project's own actions: of the checkout, or of a copy as GitHub downloads one for OWNER/REPO@REF. */
  async #composite(
    uses: string,
    action: string,
    given: Record<string, unknown>,
    context: Record<string, unknown>,
    workspace: string,
    env: Record<string, string>,
  ): Promise<{ ok: boolean; output: string }> {
    const folder = uses.startsWith("./") ? join(workspace, uses) : join(this.#download(), action);
    const { YAML } = await import("zx");
    const { inputs, outputs, runs } = YAML.parse(fs.readFileSync(join(folder, "action.yml"), "utf8")) as Action;
    const unknown = Object.keys(given).filter((name) => inputs?.[name] === undefined);
    if (unknown.length > 0) throw new Error(`${uses} takes no input ${unknown.join(", ")}`);
    const values: Record<string, unknown> = {};
    for (const [name, { required, default: fallback = "" }] of Object.entries(inputs ?? {})) {
      if (required && given[name] === undefined) throw new Error(`${uses} needs the input ${name}`);
      values[name] = given[name] ?? fallback;
    }
    const steps: Record<string, { outputs: Record<string, string> }> = {};
    let output = "";
    for (const step of runs.steps) {
      const files = temporaryFolder("action");
      const inner = { ...context, inputs: values, steps };
      const result = join(files, "output");
      fs.writeFileSync(result, "");
      const variables = { ...env, ...this.#evaluateAll(step.env ?? {}, inner) } as Record<string, string>;
      const outcome = await this.#shell(
        step,
        {},
        workspace,
        files,
        { ...variables, GITHUB_ACTION_PATH: folder, GITHUB_OUTPUT: result },
        0,
      );
      output += outcome.output;
      if (!outcome.ok) return { ok: false, output };
      if (step.id) steps[step.id] = { outputs: readPairs(result) };
    }
    const results = Object.entries(outputs ?? {}).map(([name, { value }]): [string, unknown] => [name, value]);
    for (const [name, value] of Object.entries(this.#evaluateAll(Object.fromEntries(results), { steps })))
      fs.appendFileSync(env.GITHUB_OUTPUT ?? "", `${name}=${value}\n`);
    return { ok: true, output };
  }

  #download(): string {
    this.#downloaded ??= copyProject(join(temporaryFolder("actions"), "stage0-distribution"));
    return this.#downloaded;
  }

  /** The stand-ins for the actions that the workflows use. */
  async #stand(uses: string, given: Record<string, unknown>, workspace: string): Promise<Stood> {
    const [action = ""] = uses.split("@");
    const own = this.#settings.actions?.[action];
    if (own !== undefined) {
      try {
        return { ok: true, output: await own(given, workspace) };
      } catch (error) {
        return { ok: false, output: String(error) };
      }
    }
    const path = isAbsolute(String(given.path)) ? String(given.path) : join(workspace, String(given.path ?? "."));
    switch (action) {
      case "actions/checkout":
        this.#settings.checkout(workspace);
        return { ok: true, output: "" };
      case "actions/setup-node":
        return { ok: true, output: "" };
      case "actions/cache/save":
      case "actions/cache/restore":
        // What is in this machine's cache stays there.
        this.cached.push(`${action.slice("actions/cache/".length)} ${given.key} ${given.path}`);
        return { ok: true, output: "" };
      case "jirutka/setup-alpine":
        this.#alpine = await alpinePrograms(String(given.packages), this.#settings.env.PATH ?? "");
        return { ok: true, output: "" };
      case "actions/upload-artifact": {
        const [folder, pattern] = path.includes("*") ? [join(path, ".."), path.split("/").at(-1) ?? ""] : [path, ""];
        const names =
          pattern === ""
            ? [path]
            : list(folder)
                .filter((name) => name.endsWith(pattern.replace("*", "")))
                .map((name) => join(folder, name));
        const present = names.filter((name) => fs.existsSync(name));
        if (present.length === 0 && given["if-no-files-found"] === "error")
          return { ok: false, output: `no files found: ${path}` };
        const target = join(this.artifacts, String(given.name));
        if (fs.existsSync(target)) return { ok: false, output: `an artifact ${given.name} exists already` };
        fs.mkdirSync(target);
        for (const name of present) {
          const into = fs.statSync(name).isDirectory() ? target : join(target, name.split("/").at(-1) ?? "");
          fs.cpSync(name, into, { recursive: true, filter: (source) => !source.split("/").at(-1)?.startsWith(".") });
        }
        return { ok: true, output: "" };
      }
      case "actions/download-artifact": {
        const wanted =
          given.name !== undefined
            ? [String(given.name)]
            : list(this.artifacts).filter((name) => name.startsWith(String(given.pattern).replace("*", "")));
        for (const name of wanted) {
          if (!fs.existsSync(join(this.artifacts, name))) return { ok: false, output: `no artifact ${name}` };
          fs.mkdirSync(path, { recursive: true });
          fs.cpSync(join(this.artifacts, name), path, { recursive: true });
          // The real action carries no file modes.
          for (const file of list(path))
            if (fs.statSync(join(path, file)).isFile()) fs.chmodSync(join(path, file), 0o644);
        }
        return wanted.length > 0
          ? { ok: true, output: "" }
          : { ok: false, output: `no artifact matches ${given.pattern}` };
      }
      case "actions/attest-build-provenance":
        return this.#attest(fs.readFileSync(join(workspace, String(given["subject-checksums"])), "utf8"));
      case "actions/attest": {
        const subject = join(workspace, String(given["subject-path"]));
        const predicate = fs.readFileSync(join(workspace, String(given["predicate-path"])), "utf8");
        const line = `${digestFile(subject).sha256}  ${basename(subject)}\n`;
        return this.#attest(line, { type: String(given["predicate-type"]), predicate: JSON.parse(predicate) });
      }
      default:
        throw new Error(`no stand-in for the action ${uses}`);
    }
  }

  async #attest(list: string, result?: { type: string; predicate: unknown }): Promise<Stood> {
    this.attested.push(list);
    const path = join(temporaryFolder("attestation"), "attestation.json");
    fs.writeFileSync(path, (await this.#settings.attest?.(list, result)) ?? "{}");
    return { ok: true, output: "", outputs: { "bundle-path": path } };
  }

  /** A job's or step's `if`: success() is understood unless a status function is named. */
  #condition(condition: string | boolean | undefined, context: Record<string, unknown>, failed: boolean): boolean {
    if (condition === undefined) return !failed;
    const text = String(condition)
      .replace(/^\$\{\{(.*)\}\}$/s, "$1")
      .trim();
    const named = /\b(success|failure|always|cancelled)\(\)/.test(text);
    const status = { success: !failed, failure: failed, always: true, cancelled: false };
    const plain = text.replace(/\b(success|failure|always|cancelled)\(\)/g, (_, name: keyof typeof status) =>
      String(status[name]),
    );
    return truthy(evaluate(plain, context)) && (named || !failed);
  }

  #value(text: string, context: Record<string, unknown>): unknown {
    const whole = /^\$\{\{((?:(?!\}\}).)*)\}\}$/s.exec(text);
    if (whole) return JSON.parse(JSON.stringify(plain(evaluate(whole[1] ?? "", context))));
    return text.replace(/\$\{\{(.*?)\}\}/gs, (_, expression: string) => evaluate(expression, context).coerceString());
  }

  #evaluateAll(values: Record<string, unknown>, context: Record<string, unknown>): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(values).map(([key, value]) => [
        key,
        typeof value === "string" ? this.#value(value, context) : value,
      ]),
    );
  }
}

const list = (folder: string): string[] => (fs.existsSync(folder) ? fs.readdirSync(folder).sort() : []);

function readPairs(file: string): Record<string, string> {
  if (!fs.existsSync(file)) return {};
  return Object.fromEntries(
    fs
      .readFileSync(file, "utf8")
      .split("\n")
      .flatMap((line) =>
        line.includes("=") ? [[line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]] : [],
      ),
  );
}

function toData(value: unknown): data.ExpressionData {
  if (value === null || value === undefined) return new data.Null();
  if (typeof value === "boolean") return new data.BooleanData(value);
  if (typeof value === "number") return new data.NumberData(value);
  if (Array.isArray(value)) return new data.Array(...value.map(toData));
  if (typeof value === "object")
    return new data.Dictionary(...Object.entries(value).map(([key, entry]) => ({ key, value: toData(entry) })));
  return new data.StringData(String(value));
}

function plain(value: data.ExpressionData): unknown {
  return JSON.parse(JSON.stringify(value, data.replacer));
}

function evaluate(expression: string, context: Record<string, unknown>): data.ExpressionData {
  const { tokens } = new Lexer(expression.trim()).lex();
  const tree = new Parser(tokens, Object.keys(context), []).parse();
  return new Evaluator(tree, toData(context) as data.Dictionary).evaluate();
}

const truthy = (value: data.ExpressionData): boolean => {
  const text = value.coerceString();
  return text !== "" && text !== "false" && text !== "0";
};
