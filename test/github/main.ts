import { copyFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { runScript } from "../../scripts/lib/cli.ts";
import { usageFailure } from "../../scripts/lib/errors.ts";
import { fromCaller } from "../../scripts/lib/paths.ts";
import { startGitHub } from "./server.ts";
import type { AssetSpec, ReleaseSpec } from "./types.ts";

await runScript({
  name: "github/main.ts",
  summary: "Runs a local GitHub until it is interrupted, for benches and for clients such as gh and curl.",
  options: {
    folder: { type: "string", value: "DIR", means: "releases to offer, laid out as <tag>/<asset>" },
    asset: { type: "string", value: "TAG/NAME=BYTES", multiple: true, means: "an asset of that size, made up" },
    draft: { type: "string", value: "TAG", multiple: true, means: "this release is a draft" },
    repo: { type: "string", value: "OWNER/NAME", means: "repository of the releases; default samcday/fastboop" },
    port: { type: "string", value: "PORT", means: "port of the web origin; default any that is free" },
    tls: { type: "boolean", means: "https, with a CA of its own" },
    "ca-file": { type: "string", value: "FILE", means: "also write the CA's certificate there" },
    direct: { type: "boolean", means: "the API answers with bodies itself; gh 2.23 sends its token along redirects" },
    enterprise: { type: "boolean", means: "API and uploads below the web origin, as gh expects of a server" },
  },
  knobs: [],
  prints: "one line of JSON with addresses, tokens and releases, once it listens",
  async main(values) {
    const port = Number(values.port ?? 0);
    if (!Number.isInteger(port) || port < 0 || port > 65535) {
      throw usageFailure({ what: "--port is not a port", expected: "0 to 65535", got: String(values.port) });
    }
    const { tls = false, enterprise = false, direct = false } = values;
    const github = await startGitHub({ tls, enterprise, port, assetBody: direct ? "direct" : "redirect" });
    const releases = values.folder === undefined ? new Map() : onDisk(fromCaller(values.folder));
    for (const text of values.asset ?? []) {
      const [, tag = "", name = "", size = ""] = /^([^/]+)\/([^/=]+)=([0-9]+)$/.exec(text) ?? [];
      if (tag === "") throw usageFailure({ what: "--asset does not parse", expected: "TAG/NAME=BYTES", got: text });
      releases.set(tag, [...(releases.get(tag) ?? []), { name, size: Number(size) }]);
    }
    const repo = values.repo ?? "samcday/fastboop";
    for (const [tag, assets] of releases) {
      const release: ReleaseSpec = { repo, tag, assets, draft: values.draft?.includes(tag) ?? false };
      await github.addRelease(release);
    }
    if (tls && values["ca-file"] !== undefined) copyFileSync(github.caFile, fromCaller(values["ca-file"]));
    const { server, api, uploads, blobs, foreign, caFile, token, readToken } = github;
    const listed = github.releases(repo).map(({ id, tag, draft, assets }) => ({
      ...{ id, tag, draft },
      assets: assets.map(({ name, size, sha256, url }) => ({ name, size, sha256, url })),
    }));
    const addresses = { server, api, uploads, blobs, foreign, ...(tls ? { caFile } : {}), token, readToken };
    process.stdout.write(`${JSON.stringify({ ...addresses, releases: listed })}\n`);
    // The server does not keep a process alive.
    const alive = setInterval(() => {}, 2 ** 30);
    await new Promise((resolve) => {
      for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, resolve);
    });
    clearInterval(alive);
    await github.close();
    return 0;
  },
});

/** The releases of a folder laid out as <tag>/<asset>. */
function onDisk(folder: string): Map<string, AssetSpec[]> {
  const tags = readdirSync(folder).filter((tag) => statSync(join(folder, tag)).isDirectory());
  return new Map(
    tags.sort().map((tag) => {
      const files = readdirSync(join(folder, tag)).filter((name) => statSync(join(folder, tag, name)).isFile());
      return [tag, files.sort().map((name) => ({ name, file: join(folder, tag, name) }))];
    }),
  );
}
