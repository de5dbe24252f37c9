/** Real executables that other people built and published on npm, fetched once and kept below test/.cache. */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../../scripts/lib/paths.ts";
import { runProgram } from "./harness.ts";

export const PUBLISHED = {
  "@rumdl/cli-linux-arm64-musl@0.2.22": {
    integrity: "sha512-k1Un8Efm7zQ0QO4LKNYyJKMY6wkxH+eFXya8eigay093jcQAqahwMUfEFxQM1Qv5rfKlOu/ZJGlPM8M50Ip8Ag==",
    file: "package/rumdl",
  },
  "@rumdl/cli-linux-x64-musl@0.2.68": {
    integrity: "sha512-lYaZ2CsNtWBiKrgtpTP+VjCzMK7HW8N4Ic5edt/pDv3X67M00dc2YlNKCMVbxnHztpAaTWUgQvByeAMu7WGb8w==",
    file: "package/rumdl",
  },
  "@esbuild/linux-arm64@0.28.2": {
    integrity: "sha512-pW4AC0P3it8c7do9MVM4p51FzHzdM/TZrerurgRcHJ2WTa1VQ1CIq18xncfpBJw4ojkiZZrKW2yIBWBP92j6Ug==",
    file: "package/bin/esbuild",
  },
  "@sentry/cli-linux-arm@2.58.2": {
    integrity: "sha512-HU9lTCzcHqCz/7Mt5n+cv+nFuJdc1hGD2h35Uo92GgxX3/IujNvOUfF+nMX9j6BXH6hUt73R5c0Ycq9+a3Parg==",
    file: "package/bin/sentry-cli",
  },
} as const;

/** The path of a published executable. @throws Error when the registry serves anything but what is pinned */
export async function published(name: keyof typeof PUBLISHED): Promise<string> {
  const { integrity, file } = PUBLISHED[name];
  const cache = join(PROJECT, "test", ".cache");
  const done = join(cache, name.replaceAll(/[^A-Za-z0-9.]+/g, "-").slice(1));
  if (fs.existsSync(done)) return done;
  fs.mkdirSync(cache, { recursive: true });
  const folder = fs.mkdtempSync(join(cache, "npm-pack-"));
  const pack = await runProgram(["npm", "pack", "--silent", "--pack-destination", folder, name], { cwd: folder });
  const [tarball] = fs.readdirSync(folder);
  if (pack.code !== 0 || tarball === undefined) throw new Error(`npm pack ${name}: ${pack.stderr}`);
  const digest = createHash("sha512")
    .update(fs.readFileSync(join(folder, tarball)))
    .digest("base64");
  if (`sha512-${digest}` !== integrity) throw new Error(`${name} is not what was pinned: sha512-${digest}`);
  const { code, stderr } = await runProgram(["tar", "-xzf", tarball, file], { cwd: folder });
  if (code !== 0) throw new Error(`tar ${name}: ${stderr}`);
  fs.renameSync(join(folder, file), done);
  fs.rmSync(folder, { recursive: true });
  return done;
}
