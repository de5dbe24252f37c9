#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { join } from "node:path";
import { runScript } from "./lib/cli.ts";
import { INSTALL_PATH } from "./lib/contract.ts";
import { eachChunk, openInput, withFd, writeAll, writeAtomic } from "./lib/files.ts";
import { knob } from "./lib/knobs.ts";
import { gatedPayload } from "./lib/package/payload.ts";
import { fromCaller } from "./lib/paths.ts";

await runScript({
  name: "install.ts",
  summary: "Installs the aarch64 stage0 as data below PREFIX, once it has passed the gate.",
  options: {},
  knobs: ["DESTDIR", "PREFIX", "FASTBOOP_STAGE0_EMBED_PATH", "DIST", "FASTBOOP_STAGE0_MAX_SIZE"],
  prints: "the path of the installed file",
  main() {
    const { path: payload } = gatedPayload();
    const path = fromCaller(join(knob("DESTDIR") ?? "", knob("PREFIX"), INSTALL_PATH));
    withFd(openInput(payload).fd, (source) =>
      writeAtomic(path, 0o644, (fd) => eachChunk(source, (bytes) => writeAll(fd, bytes))),
    );
    process.stdout.write(`${path}\n`);
    return 0;
  },
});
