/** What the tests share: suites with honest skips, real processes in a clean environment, folders that go away. */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { type Callback, type Test, suite as uvuSuite } from "uvu";
import { Failure } from "../../scripts/lib/errors.ts";
import { EXAMPLE_WORKSPACE, PROJECT } from "../../scripts/lib/paths.ts";

export const isDeno = "deno" in process.versions;
const inCI = (process.env.CI ?? "") !== "";

/** The command that runs a TypeScript file under the runtime that runs this test. */
export const RUNTIME: readonly string[] = isDeno
  ? [process.execPath, "run", "-A", "--quiet"]
  : [process.execPath, "--require", join(PROJECT, "scripts", "lib", "typescript.cjs")];

export interface Outcome {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}
export interface Settings {
  cwd?: string;
  /** Added to the clean environment. */
  env?: Record<string, string | undefined>;
  input?: string;
  /** Called with the child's pid once it runs, e.g. to send a signal. */
  started?: (pid: number) => void;
}

/** What a child process gets of our environment: enough to find programs, homes and certificates, and no knob. */
export function cleanEnvironment(extra: Settings["env"] = {}): Record<string, string> {
  const kept = /^(PATH|HOME|TMPDIR|LANG|XDG_CACHE_HOME|CARGO_HOME|RUSTUP_[A-Z_]+|NODE_EXTRA_CA_CERTS|DENO_[A-Z_]+)$/;
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries({
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => kept.test(name))),
    ...extra,
  })) {
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}

/** The program that ended last, for the report of a test that fails after it. */
let latest: { command: readonly string[]; outcome: Outcome } | undefined;

/** Runs a program to its end. */
export function runProgram(command: readonly string[], settings: Settings = {}): Promise<Outcome> {
  const [program = "", ...args] = command;
  const cwd = settings.cwd ?? PROJECT;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...cleanEnvironment(), PWD: cwd, ...cleanEnvironment(settings.env) },
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.on("error", reject);
    child.on("spawn", () => settings.started?.(child.pid ?? 0));
    child.on("close", (code, signal) => {
      const outcome = {
        code,
        signal,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      };
      latest = { command, outcome };
      resolve(outcome);
    });
    child.stdin.on("error", () => {});
    child.stdin.end(settings.input ?? "");
  });
}

/** Runs an entry script (a name below scripts/) under the runtime that runs this test. */
export const script = (name: string, args: readonly string[] = [], settings: Settings = {}): Promise<Outcome> =>
  runProgram([...RUNTIME, join(PROJECT, "scripts", name), ...args], settings);

/** The same for a script of the contributors', below ci/dev/. */
export const devScript = (name: string, args: readonly string[] = []): Promise<Outcome> =>
  runProgram([...RUNTIME, join(PROJECT, "ci", "dev", name), ...args]);

/** Runs make in the project, under the same runtime. */
export const make = (args: readonly string[], settings: Settings = {}): Promise<Outcome> =>
  runProgram(["make", "-s", "-C", PROJECT, `RUNTIME=${isDeno ? "deno" : "node"}`, ...args], settings);

const temporary: string[] = [];
process.on("exit", () => {
  for (const folder of temporary) fs.rmSync(folder, { recursive: true, force: true });
});

/** A new empty folder that goes away with the process. */
export function temporaryFolder(name = "stage0"): string {
  const folder = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), `${name}-`));
  temporary.push(folder);
  return folder;
}

/** What is installed once and linked from copies, and what is made. */
const INSTALLED = ["node_modules", "ci/tools/node_modules"];
const NOT_COPIED = new Set([
  ...INSTALLED,
  ".git",
  "dist",
  "test/.cache",
  "test/workspace/target",
  "test/workspace-hard/target",
  "test/phone/target",
]);

/** A copy of the project in which everything runs. Times are kept, or make would install the modules again. */
export function copyProject(folder: string): string {
  const filter = (path: string): boolean => !NOT_COPIED.has(relative(PROJECT, path));
  fs.cpSync(PROJECT, folder, { recursive: true, preserveTimestamps: true, filter });
  for (const name of INSTALLED.filter((name) => fs.existsSync(join(PROJECT, name))))
    fs.symlinkSync(join(PROJECT, name), join(folder, name));
  return folder;
}

/** A copy of the example workspace, without what was built. */
export function copyWorkspace(folder: string): string {
  const filter = (path: string): boolean => path !== join(EXAMPLE_WORKSPACE, "target");
  fs.cpSync(EXAMPLE_WORKSPACE, folder, { recursive: true, filter });
  return folder;
}

/** What stage0.env and $GITHUB_ENV get for a file. */
export const envLines = (path: string): string => `FASTBOOP_STAGE0_EMBED_PATH=${path}\nFASTBOOP_STAGE0_PATH=${path}\n`;

/** The names in a folder, hidden ones too, sorted; none when it is not there. */
export const namesIn = (folder: string): string[] => (fs.existsSync(folder) ? fs.readdirSync(folder).sort() : []);

export const isRoot = process.getuid?.() === 0;
export const onPath = (program: string): boolean =>
  (process.env.PATH ?? "").split(":").some((folder) => fs.existsSync(join(folder, program)));

/** Why a test cannot run here, or undefined when it can: root, or programs that are not on PATH. */
export function lacking(needs: { root?: boolean; programs?: readonly string[] }): string | undefined {
  if (needs.root && !isRoot) return "needs root";
  const absent = (needs.programs ?? []).filter((program) => !onPath(program));
  return absent.length > 0 ? `needs ${absent.join(", ")}` : undefined;
}

/**
 * Registers a test that this machine may be unable to run. What can't run is skipped loudly, and with CI set it fails.
 * @param reason why it can't, from `lacking`; undefined: it can
 */
export function testUnless(test: Test, reason: string | undefined, name: string, body: Callback): void {
  if (reason === undefined) test(name, body);
  else if (inCI) {
    test(name, () => {
      throw new Error(`may not be skipped when CI is set: ${reason}`);
    });
  } else {
    process.stderr.write(`SKIPPED ${name}: ${reason}\n`);
    test.skip(name, body);
  }
}

/** The Failure that a call ends in; any other end is a failed test. */
export async function failureOf(call: () => unknown): Promise<Failure> {
  try {
    await call();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("expected a Failure, and the call returned");
}

/** What a call writes to this process's stderr. */
export async function stderrOf(call: () => Promise<unknown>): Promise<string> {
  const { write } = process.stderr;
  let text = "";
  process.stderr.write = (piece: string | Uint8Array): boolean => {
    text += piece;
    return true;
  };
  try {
    await call();
  } finally {
    process.stderr.write = write;
  }
  return text;
}

/** A suite of uvu's whose failed tests also show how the last program ended: an assertion shows only what it compares. */
export function suite(name: string): Test {
  const test = uvuSuite(name);
  const register = (title: string, body: Callback): void =>
    test(title, async (context) => {
      latest = undefined;
      try {
        await body(context);
      } catch (error) {
        if (latest !== undefined) process.stderr.write(ending(latest));
        throw error;
      }
    });
  return Object.assign(register, test) as Test;
}

const ending = ({ command, outcome: { code, signal, stdout, stderr } }: NonNullable<typeof latest>): string => {
  const quoted = (stream: string, text: string) =>
    text === "" ? "" : `  ${stream}:\n${text.trimEnd().slice(-2000).replace(/^/gm, "  | ")}\n`;
  return `\n  the last program ended with ${signal ?? code}: ${command.join(" ")}\n${quoted("stdout", stdout)}${quoted("stderr", stderr)}`;
};
