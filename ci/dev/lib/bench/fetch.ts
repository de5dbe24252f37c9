/** Downloads and uploads, against the clients that people use. */
import * as fs from "node:fs";
import { join } from "node:path";
import { assetName, DEFAULT_REPO, DEFAULT_TARGET, RELEASE_ASSETS, SUMS } from "../../../../scripts/lib/contract.ts";
import { startGitHub } from "../../../../test/github/server.ts";
import { benchEnvironment, type Entrant, once, type Result } from "../bench.ts";
import { MIB, startWeb, type WebServer, writeElf, writeRelease } from "./fixtures.ts";
import { againstEmpty, bareScript, emptyNode, type Group, node, removal, sh, threeWays } from "./groups.ts";
import { MISE_PROGRAM, misePath } from "./machine.ts";

const ASSET = assetName(DEFAULT_TARGET);
const CHECK = `sha256sum -c --quiet ${SUMS}`;

/** What fetch-stage0 needs to take the release from the server, trusting its list as the others do. */
export const fetchSettings = (web: WebServer, folder: string, tag: string): Record<string, string> => ({
  GITHUB_SERVER_URL: web.origin,
  NODE_EXTRA_CA_CERTS: web.caFile,
  FASTBOOP_STAGE0_TRUST: "sums",
  FASTBOOP_STAGE0_MAX_SIZE: "8GiB",
  FASTBOOP_STAGE0_CACHE: join(folder, "cache"),
  DIST: join(folder, "dist"),
  OUT: join(folder, "out", ASSET),
  TAG: tag,
});

const addresses = ({ origin }: WebServer, tag: string): string[] =>
  [ASSET, SUMS].map((name) => `${origin}/${DEFAULT_REPO}/releases/download/${tag}/${name}`);

/** The peers: each downloads the asset and the list to a new folder, and has sha256sum check it where it can't itself. */
function peers(web: WebServer, folder: string, tag: string, sha256: string): Entrant[] {
  const into = join(folder, "peer");
  const urls = addresses(web, tag);
  const host = new URL(web.origin).host;
  const entrant = (name: string, needs: string[], script: string, ...args: string[]): Entrant => ({
    name,
    needs,
    command: sh(`mkdir "$1" && cd "$1" && shift && ${script}`, into, ...args),
    prepare: removal(into),
  });
  const mise = join(folder, "mise");
  fs.mkdirSync(mise, { recursive: true });
  const options = { version: tag.slice(1), api_url: `${web.origin}/api/v3`, asset_pattern: ASSET, bin: ASSET };
  const pairs = Object.entries(options).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  fs.writeFileSync(join(mise, "mise.toml"), `[tools]\n"github:${DEFAULT_REPO}" = { ${pairs.join(", ")} }\n`);
  return [
    entrant("curl, sha256sum", ["curl"], `curl -fsSL --remote-name-all "$@" && ${CHECK}`, ...urls),
    entrant("wget, sha256sum", ["wget"], `wget -q --ca-certificate="$CA" "$@" && ${CHECK}`, ...urls),
    entrant(
      "aria2c with four connections, sha256sum",
      ["aria2c"],
      `aria2c -q -Z -x4 -s4 --file-allocation=none --ca-certificate="$CA" "$@" && ${CHECK}`,
      ...urls,
    ),
    entrant(
      "aria2c with four connections and the digest",
      ["aria2c"],
      `aria2c -q -x4 -s4 --file-allocation=none --ca-certificate="$CA" --checksum="sha-256=$1" "$2"`,
      sha256,
      urls[0] ?? "",
    ),
    entrant(
      "gh release download, sha256sum",
      ["gh"],
      `GH_HOST="$1" gh release download "$2" -R "$1/$3" && ${CHECK}`,
      host,
      tag,
      DEFAULT_REPO,
    ),
    {
      name: "mise install",
      needs: [MISE_PROGRAM],
      command: sh('cd "$1" && "$2" install -q', mise, misePath()),
      prepare: removal(join(mise, "data"), join(mise, "cache"), join(mise, "state")),
    },
  ];
}

const peerSettings = (web: WebServer, folder: string): Record<string, string> => {
  const mise = join(folder, "mise");
  return {
    CA: web.caFile,
    CURL_CA_BUNDLE: web.caFile,
    SSL_CERT_FILE: web.caFile,
    GH_ENTERPRISE_TOKEN: "none",
    GH_CONFIG_DIR: join(folder, "gh"),
    MISE_TRUSTED_CONFIG_PATHS: mise,
    MISE_CONFIG_DIR: join(mise, "config"),
    MISE_DATA_DIR: join(mise, "data"),
    MISE_CACHE_DIR: join(mise, "cache"),
    MISE_STATE_DIR: join(mise, "state"),
    MISE_YES: "1",
  };
};

/** Downloads the two files of a release by node's own client, and compares the digest. */
const DOWNLOAD = `const { createHash } = require("node:crypto");
const { writeSync, openSync } = require("node:fs");
const { get } = require("node:https");
const [asset, sums, file] = process.argv.slice(2);
const open = (url) =>
  new Promise((resolve, reject) => {
    const answered = (response) => {
      if (response.statusCode !== 302) return resolve(response);
      response.resume();
      resolve(open(new URL(response.headers.location, url)));
    };
    get(url, answered).on("error", reject);
  });
(async () => {
  let list = "";
  for await (const bytes of await open(sums)) list += bytes;
  const [hash, fd] = [createHash("sha256"), openSync(file, "w")];
  for await (const bytes of await open(asset)) {
    hash.update(bytes);
    writeSync(fd, bytes);
  }
  process.exit(list.includes(hash.digest("hex")) ? 0 : 1);
})();
`;

const DURABLE =
  "fetch-stage0 checks what no other does before the file has its name: the release gate, and that the bytes are on the disk (fsync). curl, wget and gh name the file first and leave it there when the check fails.";

export const fetching: Group = async ({ folder, tools, runs, measure }) => {
  const releases = join(folder, "releases");
  const digests = new Map([6, 512].map((size) => [size, writeRelease(releases, `v0.0.${size}`, size * MIB, "random")]));
  const web = await startWeb(releases, join(folder, "web"));
  try {
    const results: Result[] = [];
    for (const [size, sha256] of digests) {
      const tag = `v0.0.${size}`;
      const env = { ...fetchSettings(web, folder, tag), ...peerSettings(web, folder) };
      const ours = size === 6 ? threeWays("fetch-stage0", tools, []) : threeWays("fetch-stage0", tools, []).slice(0, 2);
      const fresh = removal(join(folder, "out"), join(folder, "cache"));
      const args = [...addresses(web, tag), join(folder, "bare")];
      const bare = bareScript("the download alone", join(folder, "download.cjs"), DOWNLOAD, ...args);
      results.push(
        await measure({
          title: `Fetch of ${size} MiB over https on loopback`,
          env,
          runs: runs(size === 6 ? 15 : 4),
          entrants: [
            ...ours.map((entrant) => ({ ...entrant, prepare: fresh })),
            ...bare,
            ...peers(web, folder, tag, sha256),
          ],
          aims: [
            size === 6
              ? { entrant: "fetch-stage0, Node 24", against: "curl, sha256sum", times: 2 }
              : { entrant: "fetch-stage0, node", against: "curl, sha256sum", times: 0.65 },
          ],
          notes:
            size === 6
              ? [
                  DURABLE,
                  "A small file is over before node has loaded the modules of a download. The download alone is a script that checks no more than curl and sha256sum do, and syncs nothing.",
                ]
              : [DURABLE],
        }),
      );
      fs.rmSync(join(folder, "peer"), { recursive: true, force: true });
    }
    const there = fetchSettings(web, folder, "v0.0.6");
    await once(node("fetch-stage0.ts"), benchEnvironment(there), folder);
    const before = await web.requests();
    const already = await measure({
      title: "Fetch of 6 MiB that are there already",
      env: there,
      runs: runs(20),
      entrants: [...threeWays("fetch-stage0", tools, []), ...emptyNode()],
      aims: againstEmpty("fetch-stage0"),
      notes: ["The file is read and hashed again each time: 6 MiB take 5 ms."],
    });
    already.notes.push(`Requests to the server in all these runs: ${(await web.requests()) - before}.`);
    return { results: [...results, already] };
  } finally {
    await web.close();
  }
};

export const publishing: Group = async ({ folder, runs, measure }) => {
  const dist = join(folder, "dist");
  const others = Array.from({ length: 10 - RELEASE_ASSETS.length }, (_, number) => `fastboop-cli-${number}.bin`);
  for (const triple of ["x86_64", "aarch64"]) {
    writeElf(join(dist, assetName(`${triple}-unknown-linux-musl`)), 6 * MIB, "random", `${triple}-unknown-linux-musl`);
  }
  for (const name of others) writeElf(join(dist, name), 6 * MIB, "random");
  await once(node("sums.ts"), benchEnvironment({ DIST: dist }), folder);
  const github = await startGitHub({ tls: true, enterprise: true, assetBody: "direct" });
  try {
    await github.addRelease({ repo: DEFAULT_REPO, tag: "v0.0.0", assets: [] });
    const host = new URL(github.server).host;
    const env = {
      DIST: dist,
      GITHUB_SERVER_URL: github.server,
      NODE_EXTRA_CA_CERTS: github.caFile,
      SSL_CERT_FILE: github.caFile,
      GH_ENTERPRISE_TOKEN: github.token,
      GH_HOST: host,
      GH_CONFIG_DIR: join(folder, "gh"),
    };
    // Each run has a release of its own, named by its process id.
    const ours = sh('export TAG="v0.0.$$"; exec "$@"', ...node("publish-stage0.ts"));
    const files = [...RELEASE_ASSETS, ...others, SUMS].map((name) => join(dist, name));
    const before = github.requests.length;
    await once(ours, benchEnvironment(env), folder);
    const requests = github.requests.length - before;
    const result = await measure({
      title: "Publication of ten assets of 6 MiB and SHA256SUMS, as a draft",
      env,
      runs: runs(3),
      entrants: [
        { name: "publish-stage0, node", command: ours, ours: true },
        {
          name: "gh release create --draft",
          command: sh(
            'repo="$1"; shift; exec gh release create "v0.1.$$" --draft --notes "" -R "$repo" "$@"',
            `${host}/${DEFAULT_REPO}`,
            ...files,
          ),
          needs: ["gh"],
        },
      ],
      notes: [
        `publish-stage0 makes ${requests} requests. It gates the files first, and downloads all of them again and compares before it is done; gh does neither.`,
      ],
    });
    return { results: [result] };
  } finally {
    await github.close();
  }
};
