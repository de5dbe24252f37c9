/** This project's version, which package.json alone has. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "./paths.ts";

/** What a bundle has in place of package.json. */
declare const STAGE0_DISTRIBUTION_VERSION: string | undefined;

export function ownVersion(): string {
  if (typeof STAGE0_DISTRIBUTION_VERSION === "string") return STAGE0_DISTRIBUTION_VERSION;
  const { version } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as { version: string };
  return version;
}
