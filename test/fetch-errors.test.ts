/** What a release, a server or a setting can lack, and what is said of it; which claims of a digest count. */
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { GitHub, ReleaseSpec } from "./github/types.ts";
import { elfFile } from "./lib/elf-file.ts";
import {
  AARCH64,
  ASSET,
  assets,
  BYTES,
  digest,
  type Env,
  fetchRun,
  leaks,
  newFolder,
  OTHER,
  OTHER_BYTES,
  placed,
  type Run,
  Servers,
  SHA256,
  SUMS,
  says,
  sumsOf,
  TAG,
  X86_64,
} from "./lib/fetching.ts";
import { envLines, namesIn, runProgram, suite } from "./lib/harness.ts";

const test = suite("fetch: errors");
const START = `fetching ${ASSET} of ${TAG} from SERVER/samcday/fastboop`;
const END = `${ASSET} of ${TAG}: 1,234,567 bytes (1.2 MiB), sha256 SHA256 (T s)`;
const ARMV7 = "armv7-unknown-linux-musleabihf";
const ARM_ASSET = `fastboop-stage0-${ARMV7}`;
const ARM_BYTES = elfFile(ARMV7, 4321);
const WRONG = "f".repeat(64);

/** What the witnesses say, in the order of the log. */
const witnesses = (pin: string, lock: string, sums: string, api: string, signed = "absent"): string[] => [
  `FASTBOOP_STAGE0_SHA256  ${pin}`,
  `stage0.lock             ${lock}`,
  `SHA256SUMS              ${sums}`,
  `API digest              ${api}`,
  `provenance              ${signed}`,
];
const LIST = ["web SHA256SUMS 302", "blob 200"];
const WHOLE = [...LIST, `web ${ASSET} 302`, "blob 200"];
/** Through the API: the release, the list, the asset. */
const BY_API = [`api ${TAG} 200`, "api … 302", "blob 200", "api … 302", "blob 200"];

interface Case {
  /** The releases; default: one that is as it should be. */
  releases?: ReleaseSpec[];
  arrange?: (github: GitHub, folder: string) => void;
  env?: Env | ((github: GitHub, folder: string) => Env);
  code: number;
  log: string[];
  requests?: string[];
  /** What is at the default path afterwards; default: the asset when it succeeded. */
  left?: string[];
  path?: (run: Run) => string;
}

/** A lock file in the caller's folder. */
const lock =
  (text: string) =>
  (_: GitHub, folder: string): void => {
    mkdirSync(join(folder, "caller"), { recursive: true });
    writeFileSync(join(folder, "caller", "stage0.lock"), text);
  };
const entry = (more: string, sha256 = SHA256): string =>
  `[[pin]]\ntag = "${TAG}"\nasset = "${ASSET}"\nsha256 = "${sha256}"\n${more}`;
const release = (changes: Parameters<typeof assets>[0], more: Partial<ReleaseSpec> = {}): ReleaseSpec[] => [
  { tag: TAG, assets: assets(changes), ...more },
];
const token: Case["env"] = (github) => ({ GH_ENTERPRISE_TOKEN: github.token });
const PIN_FIX =
  "fix: pin it: make lock TAG=… (reviewed and committed), or FASTBOOP_STAGE0_SHA256=…; FASTBOOP_STAGE0_TRUST=provenance accepts the signature of the repository's own workflow, FASTBOOP_STAGE0_TRUST=sums its own digests";

const CASES: Record<string, Case> = {
  "name a missing release, and the newest there are": {
    env: { TAG: "v9.9.9" },
    releases: [...release({}), { tag: "v1.2.4", assets: [] }, { tag: "v1.3.0", draft: true, assets: [] }],
    code: 3,
    log: [
      START.replace(TAG, "v9.9.9"),
      "error: SERVER/samcday/fastboop has no release v9.9.9",
      "got:      the newest are v1.2.4, v1.2.3",
      "fix:      check TAG; a draft is shown to a token with push right only: set GH_TOKEN (for a server of your own GH_ENTERPRISE_TOKEN)",
    ],
    requests: ["web SHA256SUMS 404", "api v9.9.9 404", "api releases 200"],
  },
  "name the assets that there are when one is missing": {
    releases: release({ [ASSET]: undefined, SHA256SUMS: { bytes: SUMS } }),
    code: 3,
    log: [
      START,
      `error: the release ${TAG} of SERVER/samcday/fastboop has no ${ASSET}`,
      `expected: ${ASSET}`,
      `got:      ${OTHER}, SHA256SUMS`,
      "fix:      check TAG and TARGET; a release that is being made may not be complete yet",
    ],
    requests: [...LIST, `web ${ASSET} 404`, `api ${TAG} 200`],
  },
  "tell an upload that was not finished from an asset": {
    releases: release({ [ASSET]: { state: "starter" } }),
    env: token,
    code: 3,
    log: [
      START,
      `error: the release ${TAG} of SERVER/samcday/fastboop has no ${ASSET}`,
      `expected: ${ASSET}`,
      "got:      an upload that was not finished",
      "fix:      check TAG and TARGET; a release that is being made may not be complete yet",
    ],
    requests: [`api ${TAG} 200`],
  },
  "say both that an asset is missing and why the API can't say more": {
    releases: release({ [ASSET]: undefined }),
    arrange: (github) => github.fault({ kind: "rate-limit", status: 403, reset: 1800, on: "api", times: Infinity }),
    code: 3,
    log: [
      START,
      `error: SERVER/samcday/fastboop/releases/download/${TAG}/${ASSET} does not exist`,
      "got:      status 404",
      "fix:      check TAG and TARGET",
      "error: API limits the rate of requests",
      "got:      status 403, until 20…Z (1… s from now)",
      "fix:      run it again then, or set GH_TOKEN (for a server of your own GH_ENTERPRISE_TOKEN): with a token the limit is 5000 requests an hour, without one 60",
    ],
    requests: [...LIST, `web ${ASSET} 404`, `api ${TAG} 403`],
  },
  "not look into a private repository without a token": {
    releases: release({}, { private: true }),
    code: 3,
    log: [
      START,
      "error: SERVER/samcday/fastboop does not exist, or is private",
      "expected: a repository that can be read",
      "got:      status 404",
      "fix:      check FASTBOOP_STAGE0_REPO; a private repository needs a token: set GH_TOKEN (for a server of your own GH_ENTERPRISE_TOKEN)",
    ],
    requests: ["web SHA256SUMS 404", `api ${TAG} 404`, "api releases 404"],
  },
  "fetch from a private repository with a token that may read it": {
    releases: release({}, { private: true }),
    env: (github) => ({ GITHUB_ENTERPRISE_TOKEN: github.readToken }),
    code: 0,
    log: [START, ...witnesses("absent", "absent", "agrees", "agrees"), END],
    requests: BY_API,
  },
  "say that a draft needs push right": {
    releases: release({}, { draft: true }),
    env: (github) => ({ GH_ENTERPRISE_TOKEN: github.readToken }),
    code: 3,
    log: [
      START,
      `error: SERVER/samcday/fastboop has no release ${TAG}`,
      "got:      no release at all",
      "fix:      check TAG; a draft is shown to a token with push right only",
    ],
    requests: [`api ${TAG} 404`, "api releases 200"],
  },
  "fetch a draft with a token that may push": {
    releases: release({}, { draft: true }),
    env: token,
    code: 0,
    log: [START, ...witnesses("absent", "absent", "agrees", "agrees"), END],
    requests: [`api ${TAG} 404`, "api releases 200", ...BY_API.slice(1)],
  },
  "not choose among several drafts of one tag": {
    releases: [...release({}, { draft: true }), ...release({}, { draft: true })],
    env: token,
    code: 3,
    log: [
      START,
      `error: 2 drafts of SERVER/samcday/fastboop have the tag ${TAG}`,
      "expected: one",
      "fix:      delete the drafts that are not meant, or publish one",
    ],
    requests: [`api ${TAG} 404`, "api releases 200"],
  },
  "say that the token is not known": {
    env: { GH_ENTERPRISE_TOKEN: "ghp_notatokenthatanyoneknows" },
    code: 2,
    log: [
      START,
      "error: API does not know the token",
      "got:      status 401",
      "fix:      renew GH_TOKEN or GITHUB_TOKEN (for a server of your own GH_ENTERPRISE_TOKEN or GITHUB_ENTERPRISE_TOKEN); a public repository needs none: unset it",
    ],
    requests: [`api ${TAG} 401`],
  },
  "say that the token has no right": {
    env: token,
    arrange: (github) => github.fault({ kind: "status", status: 403, on: "api", times: Infinity }),
    code: 3,
    log: [
      START,
      "error: API denies the access",
      "got:      status 403",
      "fix:      give the token the right to read the repository's contents (and, with single sign-on, authorize it)",
    ],
    requests: [`api ${TAG} 403`],
  },
  "not send the token to another origin": {
    env: token,
    arrange: (github) => github.fault({ kind: "foreign", on: "api", path: /assets/, times: Infinity }),
    code: 0,
    log: [START, ...witnesses("absent", "absent", "agrees", "agrees"), END],
    requests: [`api ${TAG} 200`, "api … 302", "foreign … 200", "api … 302", "foreign … 200"],
  },
  "take bodies that the API sends itself": {
    env: token,
    arrange: (github) => {
      github.options.assetBody = "direct";
    },
    code: 0,
    log: [START, ...witnesses("absent", "absent", "agrees", "agrees"), END],
    requests: [`api ${TAG} 200`, "api … 200", "api … 200"],
  },
  "ask the API for the latest release": {
    env: { TAG: "latest" },
    releases: [...release({}), { tag: "v1.3.0-rc.1", prerelease: true, assets: [] }],
    code: 0,
    log: [
      `the latest release of SERVER/samcday/fastboop is ${TAG}`,
      START,
      ...witnesses("absent", "absent", "agrees", "agrees"),
      END,
    ],
    requests: ["api latest 200", ...WHOLE],
  },
  "not take a latest release whose tag is of another form": {
    env: { TAG: "latest" },
    releases: [{ tag: "nightly", assets: [] }],
    code: 2,
    log: [
      "error: the latest release of SERVER/samcday/fastboop has a tag of another form",
      "expected: vX.Y.Z or vX.Y.Z-rc.N",
      'got:      "nightly"',
      "fix:      set TAG",
    ],
    requests: ["api latest 200"],
  },
  "hear the API when there is no list": {
    releases: release({ SHA256SUMS: undefined }),
    code: 0,
    log: [START, ...witnesses("absent", "absent", "absent", "agrees"), END],
    requests: ["web SHA256SUMS 404", `api ${TAG} 200`, `web ${ASSET} 302`, "blob 200"],
  },
  "refuse a release that nobody vouches for": {
    releases: release({ SHA256SUMS: undefined, [ASSET]: { digest: "null" } }),
    code: 3,
    log: [
      START,
      ...witnesses("absent", "absent", "absent", "null"),
      `error: nothing vouches for ${ASSET} of ${TAG}`,
      "expected: a pin, the release's SHA256SUMS, its provenance, or the API's digest",
      "got:      FASTBOOP_STAGE0_SHA256 absent, stage0.lock absent, SHA256SUMS absent, API digest null, provenance absent",
      "fix:      set FASTBOOP_STAGE0_SHA256 to a digest that you know from elsewhere, or ask the publisher for a SHA256SUMS",
    ],
    requests: ["web SHA256SUMS 404", `api ${TAG} 200`],
  },
  "tell a digest that is null from one that is missing": {
    releases: release({ [ASSET]: { digest: "missing" } }),
    env: token,
    code: 0,
    log: [START, ...witnesses("absent", "absent", "agrees", "absent"), END],
    requests: BY_API,
  },
  "refuse a release whose digests contradict each other": {
    releases: release({ [ASSET]: { digest: "wrong" } }),
    env: token,
    code: 1,
    log: [
      START,
      ...witnesses("absent", "absent", "agrees", "differs: …"),
      `error: API digest and SHA256SUMS differ on ${ASSET} of ${TAG}`,
      "expected: sha256 SHA256 (SHA256SUMS)",
      "got:      sha256 … (API digest)",
      "fix:      do not use this release: its own digests contradict each other; tell its publisher",
    ],
    requests: BY_API.slice(0, 3),
  },
  "refuse a release that was changed after it was pinned": {
    releases: release({ [ASSET]: { bytes: OTHER_BYTES }, SHA256SUMS: { bytes: sumsOf({ [ASSET]: OTHER_BYTES }) } }),
    arrange: lock(entry("")),
    code: 1,
    log: [
      START,
      ...witnesses("absent", "agrees", `differs: ${digest(OTHER_BYTES)}`, "not asked"),
      `error: SHA256SUMS and stage0.lock differ on ${ASSET} of ${TAG}`,
      "expected: sha256 SHA256 (stage0.lock)",
      `got:      sha256 ${digest(OTHER_BYTES)} (SHA256SUMS)`,
      "fix:      do not use this release before you know why: it was changed after it was pinned, or someone is in between",
    ],
    requests: LIST,
  },
  "refuse pins that differ": {
    env: { FASTBOOP_STAGE0_SHA256: WRONG },
    arrange: lock(entry("")),
    code: 2,
    log: [
      `error: stage0.lock and FASTBOOP_STAGE0_SHA256 differ on ${ASSET} of ${TAG}`,
      `expected: sha256 ${WRONG} (FASTBOOP_STAGE0_SHA256)`,
      "got:      sha256 SHA256 (stage0.lock)",
      "fix:      find out which pin is right, and delete the other",
    ],
    requests: [],
  },
  "do with a pin when the release has no list": {
    releases: release({ SHA256SUMS: undefined }),
    env: { FASTBOOP_STAGE0_SHA256: SHA256, FASTBOOP_STAGE0_TRUST: undefined },
    code: 0,
    log: [START, ...witnesses("agrees", "absent", "absent", "not asked"), END],
    requests: ["web SHA256SUMS 404", "web WITHDRAWN 404", `web ${ASSET} 302`, "blob 200"],
  },
  "hold what comes against size and sha512 of the lock": {
    arrange: lock(entry(`size = ${BYTES.length}\nsha512 = "${digest(BYTES, "sha512")}"\n`)),
    env: { FASTBOOP_STAGE0_TRUST: undefined },
    code: 0,
    log: [START, ...witnesses("absent", "agrees", "agrees", "not asked"), END],
    requests: WHOLE,
  },
  "refuse a size that the lock does not have, before it downloads": {
    arrange: lock(entry("size = 1234568\n")),
    code: 1,
    log: [
      START,
      "error: the download has the wrong size",
      "expected: 1,234,568 bytes (1.2 MiB)",
      "got:      1,234,567 bytes (1.2 MiB)",
      "fix:      the file was changed at its source; tell the publisher",
    ],
    requests: WHOLE,
  },
  "refuse a sha512 that the lock does not have": {
    arrange: lock(entry(`sha512 = "${"0".repeat(128)}"\n`)),
    code: 1,
    log: [
      START,
      ...witnesses("absent", "agrees", "agrees", "not asked"),
      `error: stage0.lock has another sha512 for ${ASSET} of ${TAG}`,
      `expected: sha512 ${"0".repeat(128)}`,
      `got:      sha512 ${digest(BYTES, "sha512")}`,
      "fix:      write the entry again with make lock, and review the difference",
    ],
    requests: WHOLE,
  },
  "trust no line of a list with a malformed one": {
    releases: release({ SHA256SUMS: { bytes: `${SUMS}nonsense\n` } }),
    code: 1,
    log: [
      START,
      `error: SERVER/samcday/fastboop/releases/download/${TAG}/SHA256SUMS: line 3 is malformed`,
      "expected: 64 hexadecimal digits, two spaces, a file name",
      'got:      "nonsense"',
      "fix:      tell the publisher: no line of this list can be trusted",
    ],
    requests: LIST,
  },
  "trust no list that leaves the asset out": {
    releases: release({ SHA256SUMS: { bytes: sumsOf({ [OTHER]: OTHER_BYTES }) } }),
    code: 1,
    log: [
      START,
      `error: SERVER/samcday/fastboop/releases/download/${TAG}/SHA256SUMS: does not name ${ASSET}`,
      "expected: every asset of the release",
      "got:      1 other names",
      "fix:      tell the publisher: the list is not complete",
    ],
    requests: LIST,
  },
  "not name a file that fails the gate": {
    releases: release({
      [ASSET]: { bytes: OTHER_BYTES },
      SHA256SUMS: { bytes: sumsOf({ [ASSET]: OTHER_BYTES, [OTHER]: OTHER_BYTES }) },
    }),
    code: 1,
    log: [
      START,
      ...witnesses("absent", "absent", "agrees", "not asked"),
      `error: ${ASSET} of ${TAG}: breaks the rule …`,
      "expected: …",
      "got:      …",
      "fix:      …",
    ],
    requests: WHOLE,
  },
  "not let an origin vouch for itself that is not the default one": {
    env: { FASTBOOP_STAGE0_TRUST: undefined },
    code: 2,
    log: [
      `error: ${ASSET} of ${TAG} has no pin, and SERVER/samcday/fastboop is not the default origin`,
      "expected: a digest that comes from elsewhere than the file",
      "got:      FASTBOOP_STAGE0_REPO, FASTBOOP_STAGE0_MIRROR or the server's address is overridden",
      PIN_FIX,
    ],
    requests: [],
  },
  ...Object.fromEntries(
    [
      { FASTBOOP_STAGE0_REPO: "mallory/fastboop" },
      { FASTBOOP_STAGE0_MIRROR: "https://mirror.example.org/stage0" },
      { GITHUB_SERVER_URL: "https://ghe.example.org" },
      { GITHUB_API_URL: "https://api.example.org" },
    ].map((env): [string, Case] => [
      `count ${Object.keys(env)[0]} as another origin`,
      {
        env: { GITHUB_SERVER_URL: undefined, GITHUB_API_URL: undefined, FASTBOOP_STAGE0_TRUST: undefined, ...env },
        code: 2,
        log: [
          `error: ${ASSET} of ${TAG} has no pin, and … is not the default origin`,
          "expected: a digest that comes from elsewhere than the file",
          "got:      FASTBOOP_STAGE0_REPO, FASTBOOP_STAGE0_MIRROR or the server's address is overridden",
          PIN_FIX,
        ],
        requests: [],
      },
    ]),
  ),
  ...Object.fromEntries(
    ["v1.2.3/../../x", "v1.2.3?x=1", "../v1.2.3", "v1.2", "v01.2.3", "v1.2.3%2f", "main", "v1.2.3\nv1.2.4"].map(
      (tag): [string, Case] => [
        `let ${JSON.stringify(tag)} reach neither address nor path`,
        {
          env: { TAG: tag },
          code: 2,
          log: [
            "error: TAG is not a release tag",
            "expected: vX.Y.Z or vX.Y.Z-rc.N, or a distribution's spelling: …",
            'got:      "…"',
            "fix:      …",
          ],
          requests: [],
        },
      ],
    ),
  ),
  "understand a distribution's spelling of a tag": {
    env: { TAG: undefined, FASTBOOP_STAGE0_TAG: "1.2.4~rc5" },
    releases: [{ tag: "v1.2.4-rc.5", assets: assets() }],
    code: 0,
    log: [
      START.replace(TAG, "v1.2.4-rc.5"),
      ...witnesses("absent", "absent", "agrees", "not asked"),
      END.replace(TAG, "v1.2.4-rc.5"),
    ],
    requests: WHOLE,
    left: [],
    path: (run) => placed(run).replace(TAG, "v1.2.4-rc.5"),
  },
  "take the tag from the workspace's version": {
    env: { TAG: undefined },
    arrange: (_, folder) => {
      mkdirSync(join(folder, "caller", "stage0"), { recursive: true });
      writeFileSync(join(folder, "caller", "Cargo.toml"), '[workspace.package]\nversion = "1.2.3"\n');
      writeFileSync(join(folder, "caller", "stage0", "Cargo.toml"), '[package]\nname = "fastboop-stage0"\n');
    },
    code: 0,
    log: [START, ...witnesses("absent", "absent", "agrees", "not asked"), END],
    requests: WHOLE,
  },
  "say that nothing tells the tag": {
    env: { TAG: undefined },
    code: 2,
    log: [
      "error: nothing says which release to fetch",
      "expected: TAG, FASTBOOP_STAGE0_TAG, or a cargo workspace with a version at or above this folder",
      "got:      no workspace at or above FOLDER/caller",
      "fix:      name one: TAG=v0.0.1-rc.7, or TAG=latest",
    ],
    requests: [],
  },
  "take what a release carries beyond what it has to": {
    env: { TARGET: ARMV7 },
    releases: release({ SHA256SUMS: { bytes: SUMS + sumsOf({ [ARM_ASSET]: ARM_BYTES }) } }).map(
      ({ assets, ...rest }) => ({
        ...rest,
        assets: [...(assets ?? []), { name: ARM_ASSET, bytes: ARM_BYTES }],
      }),
    ),
    code: 0,
    log: [
      START.replace(ASSET, ARM_ASSET),
      ...witnesses("absent", "absent", "agrees", "not asked"),
      `${ARM_ASSET} of ${TAG}: 4,321 bytes (4.2 KiB), sha256 ${digest(ARM_BYTES)} (T s)`,
    ],
    requests: [...LIST, `web ${ARM_ASSET} 302`, "blob 200"],
    left: [ARM_ASSET],
    path: (run) => placed(run, ARM_ASSET),
  },
  "say what to do about what a release need not carry": {
    env: { TARGET: ARMV7 },
    code: 3,
    log: [
      START.replace(ASSET, ARM_ASSET),
      `error: SERVER/samcday/fastboop/releases/download/${TAG}/SHA256SUMS: does not name ${ARM_ASSET}`,
      "expected: every asset of the release",
      "got:      2 other names",
      "fix:      a release need not carry this one: build it with make stage0",
    ],
    requests: LIST,
  },
  "say so of a release without a list, too": {
    env: { TARGET: ARMV7 },
    releases: release({ SHA256SUMS: undefined }),
    code: 3,
    log: [
      START.replace(ASSET, ARM_ASSET),
      `error: the release ${TAG} of SERVER/samcday/fastboop has no ${ARM_ASSET}`,
      `expected: ${ARM_ASSET}`,
      `got:      ${OTHER}, ${ASSET}`,
      "fix:      a release need not carry this one: build it with make stage0",
    ],
    requests: ["web SHA256SUMS 404", `api ${TAG} 200`],
  },
  "say that a mirror can't tell the latest release": {
    env: { TAG: "latest", FASTBOOP_STAGE0_MIRROR: "https://mirror.example.org" },
    code: 2,
    log: ["error: a mirror can't tell which release is the latest", "fix: set TAG to the release's tag"],
    requests: [],
  },
  "write to OUT, and replace a link there and not what it leads to": {
    env: { OUT: "sub/stage0" },
    arrange: (_, folder) => {
      mkdirSync(join(folder, "caller", "sub"), { recursive: true });
      writeFileSync(join(folder, "precious"), "precious");
      symlinkSync(join(folder, "precious"), join(folder, "caller", "sub", "stage0"));
    },
    code: 0,
    log: [START, ...witnesses("absent", "absent", "agrees", "not asked"), END],
    requests: WHOLE,
    left: [],
    path: (run) => join(run.folder, "caller", "sub", "stage0"),
  },
  "refuse OUT that is a folder": {
    env: (_, folder) => ({ OUT: folder }),
    code: 2,
    log: ["error: OUT is a folder", "expected: the path of a file", "got: FOLDER", `fix: OUT=FOLDER/${ASSET}`],
    requests: [],
  },
  "refuse OUT that a rename would take from the system": {
    env: { OUT: "link" },
    arrange: (_, folder) => {
      mkdirSync(join(folder, "caller"));
      symlinkSync("/dev/null", join(folder, "caller", "link"));
    },
    code: 2,
    log: [
      "error: OUT is a device, FIFO or socket",
      "expected: the path of a file",
      "got: FOLDER/caller/link",
      "fix: choose another path",
    ],
    requests: [],
  },
  "refuse OUT that no build can be told of, before it asks anybody": {
    env: { OUT: "a\nb" },
    code: 2,
    log: [
      "error: the artifact's path holds a line break, so no NAME=value file can name it",
      "got: FOLDER/caller/a\\nb",
      "fix: set DIST or OUT to a folder without one",
    ],
    requests: [],
  },
  "name OUT, and not what is made beside it, when nothing can be": {
    env: { OUT: "/proc/stage0" },
    code: 3,
    log: [
      "error: /proc: no such file or folder",
      "got: ENOENT: no such file or directory, mkdir 'the path/.probe.….tmp'",
      "fix: check the path, or choose another place with OUT",
    ],
    requests: [],
  },
  "show a path of the system's error safely": {
    env: { OUT: "x\x1b[31m/stage0" },
    arrange: (_, folder) => {
      mkdirSync(join(folder, "caller"));
      symlinkSync("x\x1b[31m", join(folder, "caller", "x\x1b[31m"));
    },
    code: 3,
    log: [
      "error: FOLDER/caller/x\\x1b[31m/stage0: a loop of symbolic links",
      "got: ELOOP: too many symbolic links encountered, stat 'the path'",
      "fix: check where they point, or choose another place with OUT",
    ],
    requests: [],
  },
  "take an https mirror with a pin": {
    env: (github) => ({
      FASTBOOP_STAGE0_MIRROR: `${github.server}/samcday/fastboop/releases/download`,
      FASTBOOP_STAGE0_SHA256: SHA256,
      FASTBOOP_STAGE0_TRUST: undefined,
      // No token goes to a mirror.
      GH_ENTERPRISE_TOKEN: github.token,
    }),
    code: 0,
    log: [
      "note: GH_ENTERPRISE_TOKEN is not sent: a mirror takes none",
      `${START}/releases/download`,
      ...witnesses("agrees", "absent", "agrees", "not asked"),
      END,
    ],
    requests: WHOLE,
  },
  "say what a mirror does not have": {
    env: (github) => ({
      FASTBOOP_STAGE0_MIRROR: `${github.server}/samcday/fastboop/releases/download`,
      TAG: "v9.9.9",
      FASTBOOP_STAGE0_SHA256: SHA256,
    }),
    code: 3,
    log: [
      `${START.replace(TAG, "v9.9.9")}/releases/download`,
      `error: SERVER/samcday/fastboop/releases/download/v9.9.9/${ASSET} does not exist`,
      "got:      status 404",
      "fix:      check TAG and TARGET",
    ],
    requests: ["web SHA256SUMS 404", "web WITHDRAWN 404", `web ${ASSET} 404`],
  },
};

const pools = {
  http: new Servers(2, { tls: false }),
  https: new Servers(1, { tls: true }),
};
for (const protocol of ["http", "https"] as const) {
  for (const [name, spec] of Object.entries(CASES)) {
    // What opens no socket is the same over both.
    if (protocol === "https" && spec.requests?.length === 0) continue;
    const running = pools[protocol].lend(async (github) => {
      github.options.assetBody = "redirect";
      for (const one of spec.releases ?? release({})) await github.addRelease(one);
      const folder = newFolder();
      spec.arrange?.(github, folder);
      const env = typeof spec.env === "function" ? spec.env(github, folder) : spec.env;
      const run = await fetchRun(github, env, { folder });
      const sent = github.requests.filter(({ route, authorization }) => route !== "api" && authorization !== undefined);
      assert.equal(sent, [], "a token went to another origin than the API");
      return run;
    });
    running.catch(() => {});
    test(`should ${name}, over ${protocol}`, async () => {
      const run = await running;
      says(run.log, spec.log.join("\n"));
      assert.is(run.code, spec.code);
      says(run.requests.join("\n"), (spec.requests ?? []).join("\n"));
      assert.equal(run.left, spec.left ?? (spec.code === 0 ? [ASSET] : []));
      const path = (spec.path ?? placed)(run);
      assert.is(run.stdout, spec.code === 0 ? `${path}\n` : "");
      if (spec.code !== 0) return;
      assert.ok(readFileSync(path).equals(spec.env && "TARGET" in spec.env ? ARM_BYTES : BYTES));
      assert.is(statSync(path).mode & 0o7777, 0o755);
      assert.is(readFileSync(join(run.folder, "dist", "stage0.env"), "utf8"), envLines(path));
    });
  }
}

const http = <T>(body: (github: GitHub, folder: string) => Promise<T>): Promise<T> =>
  pools.http.lend(async (github) => {
    await github.addRelease({ tag: TAG, assets: assets() });
    return body(github, newFolder());
  });

test("should ask nobody about a file that an earlier run put there, and see when it was changed", async () => {
  await http(async (github, folder) => {
    await fetchRun(github, {}, { folder });
    const again = await fetchRun(github, {}, { folder });
    assert.equal(again.requests, []);
    says(again.log, `${ASSET} of ${TAG} is already there: sha256 SHA256 (SHA256SUMS)`);
    assert.is(again.stdout, `${placed(again)}\n`);

    const bytes = Buffer.from(BYTES);
    bytes.writeUInt8(bytes.readUInt8(900_000) ^ 1, 900_000);
    writeFileSync(placed(again), bytes);
    chmodSync(placed(again), 0o600);
    const repaired = await fetchRun(github, {}, { folder });
    says(
      repaired.log,
      [START, "the bytes come from the cache", ...witnesses("absent", "absent", "agrees", "not asked"), END].join("\n"),
    );
    assert.equal(repaired.requests, LIST);
    assert.ok(readFileSync(placed(again)).equals(BYTES));
    assert.is(statSync(placed(again)).mode & 0o7777, 0o755);
  });
});

test("should gate what only the cache vouches for, and fetch it again when it does not pass", async () => {
  await http(async (github, folder) => {
    const first = await fetchRun(github, { TARGET: AARCH64 }, { folder });
    const out = placed(first, OTHER);
    const releases = join(folder, "cache", "releases");
    const name = namesIn(releases).flatMap((origin) => join(releases, origin, TAG, `${OTHER}.json`))[0] ?? "";
    writeFileSync(out, BYTES);
    writeFileSync(name, JSON.stringify({ sha256: SHA256, by: ["SHA256SUMS"] }));
    const again = await fetchRun(github, { TARGET: AARCH64 }, { folder });
    assert.is(again.code, 0, again.log);
    assert.match(
      again.log,
      /^note: FOLDER\/dist\/fetched\/v1\.2\.3\/\S+ is what the cache says, and does not pass the gate: it is fetched again\n/,
    );
    assert.ok(readFileSync(out).equals(OTHER_BYTES));

    writeFileSync(out, BYTES);
    writeFileSync(name, JSON.stringify({ sha256: SHA256, by: ["SHA256SUMS"] }));
    const offline = await fetchRun(github, { TARGET: AARCH64, FASTBOOP_STAGE0_OFFLINE: "1" }, { folder });
    assert.is(offline.code, 3, offline.log);
    assert.is(offline.stdout, "");
  });
});

test("should take what a release claimed in an earlier run, and no pin's or draft's for it", async () => {
  const bytes = elfFile(X86_64, 1_234_568);
  const changed = assets({
    [ASSET]: { bytes },
    SHA256SUMS: { bytes: sumsOf({ [OTHER]: OTHER_BYTES, [ASSET]: bytes }) },
  });
  await http(async (github, folder) => {
    await fetchRun(github, {}, { folder });
    await fetchRun(github, { FASTBOOP_STAGE0_OFFLINE: "1", OUT: join(folder, "first") }, { folder });
    const offline = await fetchRun(github, { FASTBOOP_STAGE0_OFFLINE: "1", OUT: join(folder, "second") }, { folder });
    assert.match(offline.log, /^ {2}SHA256SUMS, earlier {5}agrees$/m);

    // The pin of one release on another one: its bytes come from the cache, and the release is not asked.
    await github.addRelease({ tag: "v1.2.4", assets: changed });
    const next = { TAG: "v1.2.4", OUT: join(folder, "next") };
    const pinned = await fetchRun(github, { ...next, FASTBOOP_STAGE0_SHA256: SHA256 }, { folder });
    assert.equal([pinned.code, pinned.requests], [0, []]);
    const unpinned = await fetchRun(github, next, { folder });
    assert.is(unpinned.code, 0, unpinned.log);
    assert.ok(readFileSync(next.OUT).equals(bytes));
  });
  await pools.http.lend(async (github) => {
    const folder = newFolder();
    await github.addRelease({ tag: TAG, draft: true, assets: assets() });
    await fetchRun(github, { GH_ENTERPRISE_TOKEN: github.token }, { folder });
    github.reset({ releases: true });
    await github.addRelease({ tag: TAG, assets: changed });
    const run = await fetchRun(github, {}, { folder });
    assert.is(run.code, 0, run.log);
    assert.ok(readFileSync(placed(run)).equals(bytes));
  });
});

test("should ask nobody about a file that a pin tells to be right, and gate it all the same", async () => {
  const folder = newFolder();
  const out = join(folder, "caller", "stage0");
  mkdirSync(join(folder, "caller"));
  writeFileSync(out, BYTES, { mode: 0o644 });
  const good = await fetchRun(undefined, { OUT: out, FASTBOOP_STAGE0_SHA256: SHA256 }, { folder });
  says(good.log, `${ASSET} of ${TAG} is already there: sha256 SHA256 (FASTBOOP_STAGE0_SHA256)`);
  assert.is(statSync(out).mode & 0o7777, 0o755);
  writeFileSync(out, OTHER_BYTES);
  const bad = await fetchRun(undefined, { OUT: out, FASTBOOP_STAGE0_SHA256: digest(OTHER_BYTES) }, { folder });
  assert.match(bad.log, /^error: FOLDER\/caller\/stage0: breaks the rule /);
  assert.is(bad.code, 1);
});

test("should take the bytes of a pin from the cache and ask nobody, and throw a damaged entry away", async () => {
  await http(async (github, folder) => {
    await fetchRun(github, {}, { folder });
    const pin = { OUT: join(folder, "elsewhere"), FASTBOOP_STAGE0_SHA256: SHA256 };
    const cached = await fetchRun(github, pin, { folder });
    assert.equal(cached.requests, []);
    says(
      cached.log,
      [
        START,
        "the bytes come from the cache",
        ...witnesses("agrees", "absent", "not asked", "not asked", "not asked"),
        END,
      ].join("\n"),
    );
    assert.ok(readFileSync(pin.OUT).equals(BYTES));

    writeFileSync(join(folder, "cache", "assets", SHA256), "damaged");
    const fresh = await fetchRun(github, { OUT: join(folder, "third") }, { folder });
    says(
      fresh.log,
      [
        START,
        "note: the cached asset SHA256 is damaged and was removed",
        ...witnesses("absent", "absent", "agrees", "not asked"),
        END,
      ].join("\n"),
    );
    assert.equal(fresh.requests, WHOLE);
    assert.ok(readFileSync(join(folder, "cache", "assets", SHA256)).equals(BYTES));

    // What is no file is passed over, and not waited for.
    rmSync(join(folder, "cache", "assets", SHA256));
    assert.is((await runProgram(["mkfifo", join(folder, "cache", "assets", SHA256)])).code, 0);
    const passed = await fetchRun(github, { ...pin, OUT: join(folder, "sixth") }, { folder });
    assert.is(passed.code, 0, passed.log);
    assert.equal(passed.requests, WHOLE);

    // A pin and a damaged entry: there still is the release to ask.
    writeFileSync(join(folder, "cache", "assets", SHA256), "damaged");
    const asked = await fetchRun(github, { ...pin, OUT: join(folder, "fourth") }, { folder });
    assert.is(asked.code, 0, asked.log);
    assert.equal(asked.requests, WHOLE);
    writeFileSync(join(folder, "cache", "assets", SHA256), "damaged");
    const offline = { ...pin, OUT: join(folder, "fifth"), FASTBOOP_STAGE0_OFFLINE: "1" };
    const failed = await fetchRun(github, offline, { folder });
    assert.is(failed.code, 3, failed.log);
    assert.equal(failed.requests, []);
  });
});

test("should do without a cache that can't be written to", async () => {
  await http(async (github, folder) => {
    writeFileSync(join(folder, "cache"), "a file");
    const run = await fetchRun(github, {}, { folder });
    assert.is(run.code, 0);
    assert.match(
      run.log,
      /^note: .* is not kept in the cache, FOLDER\/cache: (a part of the path is not a folder|something of that name is there already)$/m,
    );
    assert.equal(namesIn(join(folder, "dist")), ["fetched", "stage0.env"]);
  });
});

test("should tell GitHub Actions the path and the error", async () => {
  await http(async (github, folder) => {
    const file = join(folder, "github-env");
    const run = await fetchRun(github, { GITHUB_ENV: file, GITHUB_ACTIONS: "true" }, { folder });
    assert.is(readFileSync(file, "utf8"), envLines(placed(run)));
    const bad = await fetchRun(github, { TAG: "v9.9.9", GITHUB_ACTIONS: "true" }, { folder });
    assert.match(bad.log, /^::error::SERVER\/samcday\/fastboop has no release v9\.9\.9%0A/m);
  });
});

test("should have let no secret into any log", () => assert.equal(leaks(), []));

test.after(async () => {
  for (const servers of Object.values(pools)) await servers.close();
});
test.run();
