/** What goes wrong on the way, kind by kind: message, exit code, files left behind and requests made, over http and https. */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Aim, Fault } from "./github/types.ts";
import {
  ASSET,
  assets,
  BYTES,
  type Env,
  fetchRun,
  leaks,
  newFolder,
  placed,
  type Run,
  Servers,
  SHA256,
  says,
  TAG,
} from "./lib/fetching.ts";
import { lacking, namesIn, suite, testUnless } from "./lib/harness.ts";

const test = suite("fetch: faults");
const ALWAYS = { times: Number.POSITIVE_INFINITY };
/** The list is the first body that a run asks for. */
const ASSET_ONLY = { skip: 1 };

interface Case {
  faults: (Fault & Aim)[];
  env?: Env;
  code: number;
  log: string;
  requests: string[];
  left?: string[];
  tls?: boolean;
}

const START = `fetching ${ASSET} of ${TAG} from SERVER/samcday/fastboop`;
const WITNESSES = `
  FASTBOOP_STAGE0_SHA256  absent
  stage0.lock             absent
  SHA256SUMS              agrees
  API digest              not asked
  provenance              absent`;
const END = `${ASSET} of ${TAG}: 1,234,567 bytes (1.2 MiB), sha256 SHA256 (T s)`;
/** The log of a run that ends well after some notes. */
const well = (...notes: string[]): string => [START, ...notes, ...WITNESSES.trim().split("\n"), END].join("\n");
const ill = (...lines: string[]): string => [START, ...lines].join("\n");
const again = (what: string, attempt = 2): string => `${what}; trying again in T s (${attempt} of 5)`;
const fiveTimes = (what: string): string[] => [2, 3, 4, 5].map((attempt) => again(what, attempt));
const differs = (got: string, size: string): string[] => [
  "FASTBOOP_STAGE0_SHA256  absent",
  "stage0.lock             absent",
  "SHA256SUMS              differs: SHA256",
  "API digest              not asked",
  "provenance              absent",
  `error: ${ASSET} of ${TAG} has the wrong checksum`,
  "expected: sha256 SHA256 (SHA256SUMS)",
  `got:      sha256 ${got} (${size} bytes)`,
  "fix:      the bytes were changed on their way or at their source, and were removed; run it again, and if it happens again, tell the publisher",
];

const LIST = ["web SHA256SUMS 302", "blob 200"];
const HEAD = [...LIST, `web ${ASSET} 302`];
const WHOLE = [...HEAD, "blob 200"];
const rest = (from: number): string[] => [`web ${ASSET} ${from}- 302`, `blob ${from}- 206`];
const RESUMED = [...WHOLE, ...rest(500_000)];

const brokeOff = "BLOBS broke the connection off";
const budget = (got: string): string[] => [
  "error: the download is over the size budget",
  "expected: at most 2,097,152 bytes (2.0 MiB)",
  `got:      ${got}`,
  "fix:      FASTBOOP_STAGE0_MAX_SIZE sets the budget",
];
const page = (where: string, path: string): string[] => [
  `error: ${where} answers with a web page in place of the file`,
  `got:      HTML from ${where}${path}`,
  "fix:      open any page in a browser: the network may want a login (captive portal); or a proxy shows its own page",
];
const noNetwork =
  "without a network, set FASTBOOP_STAGE0_EMBED_PATH to a local file or FASTBOOP_STAGE0_MIRROR to a file: folder";
const ownCa =
  "if your network or server has a certificate authority of its own, set NODE_EXTRA_CA_CERTS=/path/to/ca.pem";
const BREAK = { kind: "short", after: 500_000, framing: "length", on: "blob", ...ASSET_ONLY } as const;
/** Longer than a busy machine keeps a healthy exchange waiting. */
const STALL = { FASTBOOP_STAGE0_STALL_TIMEOUT: "3" };
const SMALL = { FASTBOOP_STAGE0_MAX_SIZE: "2M" };

const CASES: Record<string, Case> = {
  "resume after a reset": {
    faults: [{ kind: "reset", after: 500_000, on: "blob", ...ASSET_ONLY }],
    code: 0,
    log: well(again(brokeOff)),
    // With a reset the kernel throws away what was not read yet.
    requests: [...WHOLE, `web ${ASSET} …- 302`, "blob …- 206"],
  },
  "try again after a reset before any answer": {
    // The first of all requests: Deno's fetch repeats one by itself when a connection breaks that was used before.
    faults: [{ kind: "reset", on: "web" }],
    code: 0,
    log: well(again("SERVER broke the connection off")),
    requests: ["web SHA256SUMS none", ...WHOLE],
  },
  ...Object.fromEntries(
    (["length", "chunked", "close"] as const).map((framing): [string, Case] => [
      `resume after a body that is too short (${framing})`,
      {
        faults: [{ kind: "short", after: 500_000, framing, on: "blob", ...ASSET_ONLY }],
        code: 0,
        log: well(again(brokeOff)),
        requests: RESUMED,
      },
    ]),
  ),
  "end after five attempts without progress": {
    faults: [{ kind: "short", after: 0, framing: "length", on: "blob", ...ASSET_ONLY, ...ALWAYS }],
    code: 3,
    log: ill(
      ...fiveTimes(brokeOff),
      `error: ${brokeOff}`,
      "got:      …",
      "fix:      run it again; the download is resumed",
    ),
    requests: [...LIST, ...Array.from({ length: 5 }, () => [`web ${ASSET} 302`, "blob 200"]).flat()],
  },
  "refuse bytes that were changed": {
    faults: [{ kind: "corrupt", at: 700_000, on: "blob", ...ASSET_ONLY }],
    code: 1,
    log: ill(...differs("…", "1234567")),
    requests: WHOLE,
  },
  "refuse a body that is longer than the file": {
    faults: [{ kind: "long", extra: 10, framing: "length", on: "blob", ...ASSET_ONLY }],
    code: 1,
    log: ill(...differs("…", "1234577")),
    requests: WHOLE,
  },
  "take no more than what was announced": {
    faults: [{ kind: "long", extra: 10, framing: "lying", on: "blob", ...ASSET_ONLY }],
    code: 0,
    log: well(),
    requests: WHOLE,
  },
  ...Object.fromEntries(
    (["chunked", "close"] as const).map((framing): [string, Case] => [
      `stop a body without end at the budget (${framing})`,
      {
        faults: [{ kind: "long", extra: Number.POSITIVE_INFINITY, framing, on: "blob", ...ASSET_ONLY }],
        env: SMALL,
        code: 1,
        log: ill(...budget("more than 2,097,152 bytes (2.0 MiB)")),
        requests: WHOLE,
      },
    ]),
  ),
  "refuse an announced size over the budget before it downloads": {
    faults: [{ kind: "length", value: 99_999_999_999, on: "blob", ...ASSET_ONLY }],
    env: SMALL,
    code: 1,
    log: ill(...budget("99,999,999,999 bytes (93.1 GiB)")),
    requests: WHOLE,
  },
  "do without an announced size": {
    faults: [{ kind: "length", value: undefined, on: "blob", ...ASSET_ONLY }],
    code: 0,
    log: well(),
    requests: WHOLE,
  },
  "refuse a length that is no number": {
    faults: [{ kind: "length", value: "abc", on: "blob", ...ASSET_ONLY }],
    code: 3,
    log: ill("error: BLOBS does not speak HTTP", "got:      …", "fix:      check the address"),
    requests: WHOLE,
  },
  "recognise a captive portal in place of the list": {
    faults: [{ kind: "page", on: "web" }],
    code: 3,
    log: ill(...page("SERVER", `/samcday/fastboop/releases/download/${TAG}/SHA256SUMS`)),
    requests: ["web SHA256SUMS 200"],
  },
  "recognise a captive portal in place of the asset": {
    faults: [{ kind: "page", on: "blob", ...ASSET_ONLY }],
    code: 3,
    log: ill(...page("BLOBS", "/github-production-release-asset/…")),
    requests: WHOLE,
  },
  ...Object.fromEntries(
    ([500, 502, 503, 504, 408] as const).map((status): [string, Case] => [
      `try again after a ${status}`,
      {
        faults: [{ kind: "status", status, on: "blob", ...ASSET_ONLY }],
        code: 0,
        log: well(again("BLOBS failed")),
        requests: [...HEAD, `blob ${status}`, `web ${ASSET} 302`, "blob 200"],
      },
    ]),
  ),
  "end after five responses of a failing server": {
    faults: [{ kind: "status", status: 502, on: "web", ...ALWAYS }],
    code: 3,
    log: ill(
      ...fiveTimes("SERVER failed"),
      "error: SERVER failed",
      "got:      status 502",
      "fix:      run it again later",
    ),
    requests: Array.from({ length: 5 }, () => "web SHA256SUMS 502"),
  },
  "wait as long as a failing server asks": {
    faults: [{ kind: "status", status: 503, retryAfter: 1, on: "web" }],
    code: 0,
    log: well(again("SERVER failed")),
    requests: ["web SHA256SUMS 503", ...WHOLE],
  },
  "wait out a short rate limit": {
    faults: [{ kind: "rate-limit", status: 429, retryAfter: 1, on: "web" }],
    code: 0,
    log: well(again("SERVER limits the rate of requests")),
    requests: ["web SHA256SUMS 429", ...WHOLE],
  },
  "say when a long rate limit ends, and how a token helps": {
    faults: [{ kind: "rate-limit", status: 429, retryAfter: 3600, on: "web", ...ALWAYS }],
    code: 3,
    log: ill(
      "error: SERVER limits the rate of requests",
      "got:      status 429, until 20…Z (3600 s from now)",
      "fix:      run it again then, or set GH_TOKEN (for a server of your own GH_ENTERPRISE_TOKEN): with a token the limit is 5000 requests an hour, without one 60",
    ),
    requests: ["web SHA256SUMS 429"],
  },
  "not try again where that can't help": {
    faults: [{ kind: "status", status: 418, on: "web", ...ALWAYS }],
    code: 3,
    log: ill(
      "error: SERVER gives an answer that is of no use here",
      "got:      status 418",
      "fix:      check the address",
    ),
    requests: ["web SHA256SUMS 418"],
  },
  "follow five redirects and no more": {
    faults: [{ kind: "loop", on: "web", ...ALWAYS }],
    code: 3,
    log: ill(
      "error: SERVER redirects too often",
      "expected: at most 5 redirects",
      `got:      one more, to SERVER/samcday/fastboop/releases/download/${TAG}/SHA256SUMS`,
      "fix:      check the address, and what answers there: a captive portal or a proxy may be in between",
    ),
    requests: Array.from({ length: 6 }, () => "web SHA256SUMS 302"),
  },
  "not follow a redirect from https to http": {
    faults: [{ kind: "downgrade", on: "web", ...ALWAYS }],
    tls: true,
    code: 3,
    log: ill(
      "error: SERVER redirects from https to http",
      "expected: https all the way",
      "got:      http://127.0.0.1:…",
      "fix:      check what answers there: a captive portal or a proxy may be in between",
    ),
    requests: ["web SHA256SUMS 302"],
  },
  "not follow a redirect to plain http elsewhere": {
    faults: [{ kind: "redirect", to: "http://192.0.2.1/x?sig=SECRET", on: "web", ...ALWAYS }],
    tls: false,
    code: 3,
    log: ill("error: plain http is for this machine only", "expected: https", "got:      http://192.0.2.1/x"),
    requests: ["web SHA256SUMS 302"],
  },
  "not follow a redirect to a scheme that is not the web's": {
    faults: [{ kind: "redirect", to: "file:///etc/passwd", on: "web", ...ALWAYS }],
    tls: true,
    code: 3,
    log: ill(
      "error: SERVER redirects from https to file",
      "expected: https all the way",
      "got:      …/etc/passwd",
      "fix:      check what answers there: a captive portal or a proxy may be in between",
    ),
    requests: ["web SHA256SUMS 302"],
  },
  "not follow a redirect with a user name in it": {
    faults: [{ kind: "redirect", to: "https://user:SECRETPASS@localhost/x", on: "web", ...ALWAYS }],
    code: 3,
    log: ill("error: an address of localhost contains a user name or a password"),
    requests: ["web SHA256SUMS 302"],
  },
  "try again after a refused connection": {
    faults: [{ kind: "refused", on: "web" }],
    code: 0,
    log: well(again("REFUSED refuses the connection")),
    requests: ["web SHA256SUMS 302", ...WHOLE],
  },
  "end after five refused connections": {
    faults: [{ kind: "refused", on: "web", ...ALWAYS }],
    code: 3,
    log: ill(
      ...fiveTimes("REFUSED refuses the connection"),
      "error: REFUSED refuses the connection",
      "got:      …",
      `fix:      check the address; ${noNetwork}`,
    ),
    requests: Array.from({ length: 5 }, () => "web SHA256SUMS 302"),
  },
  "end after five looks for a host that is nowhere": {
    faults: [],
    env: { GITHUB_SERVER_URL: "https://nowhere.invalid" },
    code: 3,
    log: [
      START.replace("SERVER", "https://nowhere.invalid"),
      ...fiveTimes("the address of nowhere.invalid can't be found"),
      "error: the address of nowhere.invalid can't be found",
      "got:      …",
      `fix:      check the name; ${noNetwork}`,
    ].join("\n"),
    requests: [],
  },
  "give up on an answer that does not come": {
    faults: [{ kind: "stall", after: -1, on: "web" }],
    env: STALL,
    code: 0,
    log: well(again("SERVER has stopped sending")),
    requests: ["web SHA256SUMS none", ...WHOLE],
  },
  "resume a body that stalls": {
    faults: [{ kind: "stall", after: 500_000, on: "blob", ...ASSET_ONLY }],
    env: STALL,
    code: 0,
    log: well(again("BLOBS has stopped sending")),
    requests: RESUMED,
  },
  "resume a body that only drips": {
    faults: [{ kind: "drip", bytes: 10, every: 100, on: "blob", ...ASSET_ONLY }],
    env: STALL,
    code: 0,
    log: well(again("BLOBS has stopped sending")),
    requests: [...WHOLE, `web ${ASSET} …- 302`, "blob …- 206"],
  },
  "refuse a body in another encoding": {
    faults: [{ kind: "gzip", on: "blob", ...ASSET_ONLY }],
    code: 3,
    log: ill(
      "error: BLOBS sends the bytes in another encoding than was requested",
      "expected: no content-encoding",
      "got:      gzip",
      "fix:      look for a proxy in between that compresses, and go around it with NO_PROXY",
    ),
    requests: WHOLE,
  },
  "ask for a new signed address when one has expired": {
    faults: [{ kind: "expired", on: "blob", ...ASSET_ONLY }],
    code: 0,
    log: well(again("BLOBS does not take its own signed address (any more)")),
    requests: [...HEAD, "blob 403", `web ${ASSET} 302`, "blob 200"],
  },
  "ask for a new signed address of the list, too": {
    faults: [{ kind: "expired", on: "blob" }],
    code: 0,
    log: well(again("BLOBS does not take its own signed address (any more)")),
    requests: ["web SHA256SUMS 302", "blob 403", ...WHOLE],
  },
  "start again when a server ignores the range": {
    faults: [BREAK, { kind: "range", wrong: "ignore", on: "blob" }],
    code: 0,
    log: well(again(brokeOff)),
    requests: [...WHOLE, `web ${ASSET} 500000- 302`, "blob 500000- 200"],
  },
  ...Object.fromEntries(
    (["start", "total", "none", "unsatisfiable"] as const).map((wrong): [string, Case] => [
      `start again after a wrong answer to a range (${wrong})`,
      {
        faults: [BREAK, { kind: "range", wrong, on: "blob" }],
        code: 0,
        log: well(again(brokeOff), again("BLOBS does not resume the download properly", 3)),
        requests: [
          ...WHOLE,
          `web ${ASSET} 500000- 302`,
          `blob 500000- ${wrong === "unsatisfiable" ? 416 : 206}`,
          `web ${ASSET} 302`,
          "blob 200",
        ],
      },
    ]),
  ),
  "start again when the file changed in between": {
    faults: [BREAK, { kind: "etag", on: "blob", skip: 1 }],
    code: 0,
    log: well(again(brokeOff)),
    requests: [...WHOLE, `web ${ASSET} 500000- 302`, "blob 500000- 200"],
  },
  "start again when a server adds the end of one file to the start of another": {
    faults: [BREAK, { kind: "corrupt", at: 700_000, on: "blob", skip: 1 }],
    code: 0,
    log: well(again(brokeOff), "the parts do not make up the whole; downloading it again from the start"),
    requests: [...RESUMED, `web ${ASSET} 302`, "blob 200"],
  },
  ...Object.fromEntries(
    (
      [
        ["self-signed", "the TLS connection to 127.0.0.1:… can't be trusted", ownCa],
        [
          "wrong-host",
          "the certificate that answers for 127.0.0.1:… is for another host",
          `check the address, and what answers there: a captive portal or a proxy may be in between; ${ownCa}`,
        ],
        [
          "expired",
          "the certificate of 127.0.0.1:… is not valid now",
          "check this machine's clock; if it is right, the server's certificate has to be renewed",
        ],
      ] as const
    ).map(([certificate, what, fix]): [string, Case] => [
      `not trust a certificate that is ${certificate}`,
      {
        faults: [{ kind: "tls", certificate, on: "web", ...ALWAYS }],
        tls: true,
        code: 3,
        log: ill(`error: ${what}`, "got:      …", `fix:      ${fix}`),
        requests: ["web SHA256SUMS 302"],
      },
    ]),
  ),
};

const pools = { http: new Servers(2, { tls: false }), https: new Servers(2, { tls: true }) };
for (const [protocol, servers] of Object.entries(pools)) {
  for (const [name, { faults, env, code, log, requests, left, tls }] of Object.entries(CASES)) {
    if (tls !== undefined && tls !== (protocol === "https")) continue;
    // They run side by side, since most of them wait most of the time; each test then looks at its own.
    const running = servers.lend(async (github) => {
      await github.addRelease({ tag: TAG, assets: assets() });
      for (const fault of faults) github.fault(fault);
      return fetchRun(github, env);
    });
    running.catch(() => {});
    test(`should ${name}, over ${protocol}`, async () => {
      const run = await running;
      says(run.log, log);
      assert.is(run.code, code);
      says(run.requests.join("\n"), requests.join("\n"));
      assert.equal(run.left, left ?? (code === 0 ? [ASSET] : []));
      assert.is(run.stdout, code === 0 ? `${placed(run)}\n` : "");
      if (code !== 0) return;
      assert.ok(readFileSync(placed(run)).equals(BYTES));
      assert.is(statSync(placed(run)).mode & 0o7777, 0o755);
    });
  }
}

test("should keep what came for a later run, which resumes there", async () => {
  const folder = newFolder();
  const [first, second] = await pools.http.lend(async (github): Promise<[Run, Run]> => {
    await github.addRelease({ tag: TAG, assets: assets() });
    // Each brings less than the 5 % that would count as progress.
    github.fault({ kind: "short", after: 10_000, framing: "length", on: "blob", ...ASSET_ONLY, times: 5 });
    return [await fetchRun(github, {}, { folder }), await fetchRun(github, {}, { folder })];
  });
  assert.is(first.code, 3);
  assert.equal(first.left, ["…part"]);
  says(
    first.log,
    ill(
      ...fiveTimes(brokeOff),
      "48.8 KiB are kept for the next run, which resumes there",
      `error: ${brokeOff}`,
      "got:      …",
      "fix:      run it again; the download is resumed",
    ),
  );
  assert.is(second.code, 0);
  assert.equal(second.left, [ASSET]);
  says(second.log, well("resuming after 48.8 KiB that another run left"));
  assert.equal(second.requests, [...LIST, ...rest(50_000)]);
});

/** A run after files were put where others would have left their partials. */
async function afterOthers(plant: (where: string) => void): Promise<Run> {
  return pools.http.lend(async (github) => {
    await github.addRelease({ tag: TAG, assets: assets() });
    const folder = newFolder();
    const where = join(folder, "dist", "fetched", TAG);
    mkdirSync(where, { recursive: true });
    plant(where);
    return fetchRun(github, {}, { folder });
  });
}
const SAME = `.${ASSET}.${SHA256.slice(0, 16)}`;
const FROM_400_000 = "resuming after 390.6 KiB that another run left";

test("should resume the longest of what others left, and clear that away with what is a day old", async () => {
  const run = await afterOthers((where) => {
    for (const [name, size] of Object.entries({ "00.part": 300_000, part: 400_000, "11.part": 0 }))
      writeFileSync(join(where, `${SAME}.${name}`), BYTES.subarray(0, size), { mode: 0o600 });
    // Over the size budget.
    truncateSync(join(where, `${SAME}.11.part`), 32 * 1024 * 1024 + 1);
    for (const [name, days] of [
      ["old", 1.1],
      ["young", 0.9],
    ] as const) {
      const path = join(where, `.${ASSET}.${"0".repeat(16)}.${name}.part`);
      writeFileSync(path, "other bytes", { mode: 0o600 });
      utimesSync(path, new Date(), new Date(Date.now() - days * 86_400_000));
    }
  });
  assert.is(run.code, 0, run.log);
  says(run.log, well(FROM_400_000));
  assert.equal(run.requests, [...LIST, ...rest(400_000)]);
  assert.equal(namesIn(join(run.folder, "dist", "fetched", TAG)), [`.${ASSET}.${"0".repeat(16)}.young.part`, ASSET]);
  assert.ok(readFileSync(placed(run)).equals(BYTES));
});

test("should resume nothing that others can write to, and nothing by a link", async () => {
  const run = await afterOthers((where) => {
    writeFileSync(join(where, `${SAME}.00.part`), "theirs");
    chmodSync(join(where, `${SAME}.00.part`), 0o622);
    writeFileSync(join(where, "elsewhere"), "theirs");
    symlinkSync("elsewhere", join(where, `${SAME}.11.part`));
    mkdirSync(join(where, `${SAME}.22.part`));
  });
  assert.is(run.code, 0, run.log);
  says(run.log, well());
  assert.equal(run.left, ["…part", "…part", "…part", "elsewhere", ASSET]);
});

testUnless(test, lacking({ root: true }), "should resume nothing that another user has put there", async () => {
  const run = await afterOthers((where) => {
    writeFileSync(join(where, `${SAME}.00.part`), "theirs", { mode: 0o600 });
    chownSync(join(where, `${SAME}.00.part`), 65_534, 65_534);
  });
  assert.is(run.code, 0, run.log);
  says(run.log, well());
  assert.equal(run.left, ["…part", ASSET]);
});

test("should download it from the start when what another run left is of another file", async () => {
  const run = await afterOthers((where) =>
    writeFileSync(join(where, `${SAME}.00.part`), Buffer.alloc(400_000), { mode: 0o600 }),
  );
  says(run.log, well(FROM_400_000, "the parts do not make up the whole; downloading it again from the start"));
  assert.equal(run.requests, [...LIST, ...rest(400_000), `web ${ASSET} 302`, "blob 200"]);
  assert.ok(readFileSync(placed(run)).equals(BYTES));
  assert.equal(run.left, [ASSET]);
});

test("should have let no secret into any log", () => assert.equal(leaks(), []));

test.after(async () => {
  for (const servers of Object.values(pools)) await servers.close();
});
test.run();
