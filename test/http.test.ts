/** The parts of the transport that need no server, and those that only a server of a special kind shows. */

import { createServer } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { Failure } from "../scripts/lib/errors.ts";
import { download } from "../scripts/lib/fetch/download.ts";
import { findRelease } from "../scripts/lib/fetch/find-release.ts";
import { PartialDownload } from "../scripts/lib/fetch/partial.ts";
import { bar, progressText } from "../scripts/lib/fetch/progress.ts";
import type { Release } from "../scripts/lib/github/answers.ts";
import { releaseOrigin } from "../scripts/lib/github/origin.ts";
import { classify, HttpFailure, transientFailure } from "../scripts/lib/http/errors.ts";
import { proxyOrigin } from "../scripts/lib/http/proxy.ts";
import { parseRetryAfter, type RetryPolicy, retry, retryPolicy, withStallTimeout } from "../scripts/lib/http/retry.ts";
import { statusFailure, transientStatus } from "../scripts/lib/http/status.ts";
import { type HttpResponse, send } from "../scripts/lib/http.ts";
import { redact } from "../scripts/lib/redact.ts";
import { suite, temporaryFolder } from "./lib/harness.ts";

const test = suite("http");
const QUICK: RetryPolicy = { ...retryPolicy(), backoff: 0.001, maxBackoff: 0.002, stallTimeout: 0.2 };
const refused = async (body: Promise<unknown>): Promise<Failure> => {
  try {
    await body;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};

test("should repeat what may pass, as often as it may, and nothing else", async () => {
  const passing = (failures: number) => {
    let calls = 0;
    return {
      attempt: async () => {
        calls += 1;
        if (calls <= failures) throw transientFailure({ what: "trouble" });
        return calls;
      },
      calls: () => calls,
    };
  };
  assert.is(await retry(passing(4).attempt, QUICK), 5);
  const never = passing(99);
  assert.is((await refused(retry(never.attempt, QUICK))).message, "trouble");
  assert.is(never.calls(), 5);
  const nested = passing(99);
  await refused(retry(() => retry(nested.attempt, QUICK), QUICK));
  assert.is(nested.calls(), 5, "a retry inside a retry does not multiply the attempts");
  const single = passing(4);
  assert.is(await retry(() => retry(single.attempt, { ...QUICK, attempts: 1 }), QUICK), 5);
  // An attempt with progress starts the count again.
  const gaining = passing(20);
  assert.is(await retry(gaining.attempt, QUICK, () => gaining.calls() < 18), 21);
  let calls = 0;
  await refused(
    retry(async () => {
      calls += 1;
      throw new HttpFailure({ what: "for good" });
    }, QUICK),
  );
  assert.is(calls, 1);
});

test("should wait as asked, up to a limit", async () => {
  let calls = 0;
  const asking = (wait: number) => async () => {
    calls += 1;
    if (calls === 1) throw transientFailure({ what: "limit" }, wait);
    return "done";
  };
  // A timer may lack a part of its first millisecond: what is added to the wait, as always, makes up for it.
  const policy = { ...QUICK, backoff: 0.02, maxBackoff: 0.02 };
  const clock = performance.now();
  assert.is(await retry(asking(0.2), policy), "done");
  assert.ok(performance.now() - clock >= 200);
  calls = 0;
  await refused(retry(asking(QUICK.maxRetryAfter + 1), QUICK));
  assert.is(calls, 1);
});

test("should read how long a server asks to wait", () => {
  const now = Date.UTC(2026, 10, 22, 12, 0, 0);
  const asked = (headers: Record<string, string>) => parseRetryAfter(headers, now);
  assert.is(asked({}), undefined);
  assert.is(asked({ "retry-after": "7" }), 7);
  assert.is(asked({ "retry-after": "Sun, 22 Nov 2026 12:01:30 GMT" }), 90);
  assert.is(asked({ "retry-after": "Sun, 22 Nov 2026 11:00:00 GMT" }), 0);
  assert.is(asked({ "retry-after": "soon" }), undefined);
  const reset = String(now / 1000 + 100);
  assert.is(asked({ "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset }), 100);
  assert.is(asked({ "x-ratelimit-remaining": "5", "x-ratelimit-reset": reset }), undefined);
  assert.is(asked({ "x-ratelimit-remaining": "0", "x-ratelimit-reset": "junk" }), undefined);
  const hundredYears = 3_153_600_000;
  assert.is(asked({ "retry-after": "9".repeat(400) }), hundredYears);
  assert.is(asked({ "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1e300" }), hundredYears);
});

test("should give up on what stalls or drips, and leave alone what only takes long", async () => {
  const after = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const until = (signal: AbortSignal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const stalled = await refused(withStallTimeout("host", QUICK, (signal) => until(signal)));
  assert.equal(stalled.problems[0]?.got, "nothing for 0.2 s");
  assert.ok(stalled instanceof HttpFailure && stalled.transient);
  const dripping = await refused(
    withStallTimeout("host", QUICK, async (signal, came) => {
      const timer = setInterval(() => came(1), 10);
      await until(signal).finally(() => clearInterval(timer));
    }),
  );
  assert.match(dripping.problems[0]?.got ?? "", /^[0-9]+ bytes a second$/);
  const fine = await withStallTimeout("host", QUICK, async (_, came) => {
    for (let piece = 0; piece < 30; piece++) {
      await after(20);
      came(1000);
    }
    return "done";
  });
  assert.is(fine, "done");
});

test("should end when attempts get the same bytes over and over", async () => {
  const partial = new PartialDownload(join(temporaryFolder(), "asset"), "0".repeat(64));
  let calls = 0;
  const open = async (): Promise<HttpResponse> => {
    calls += 1;
    if (calls > 20) throw new Error("there is no end to it");
    return {
      url: new URL("https://example.org/asset"),
      status: 200,
      headers: { "content-length": "2000000" },
      body: (async function* () {
        if (calls % 2 === 0) yield Buffer.alloc(1_100_000);
      })(),
    };
  };
  const limits = { host: "example.org", sha256: "0".repeat(64), policy: QUICK, maxSize: 3_000_000 };
  const failure = await refused(download(open, partial, limits));
  partial.drop();
  assert.is(failure.problems[0]?.what, "example.org broke the connection off");
  // The second attempt is the only one that came further than those before it.
  assert.is(calls, 6);
});

test("should tell rate limits, failing servers, bad tokens and missing rights apart", () => {
  const url = new URL("https://api.example.org/x");
  const of = (status: number, headers: Record<string, string> = {}) => statusFailure({ url, status, headers }, true);
  const transient = (failure: Failure): boolean => failure instanceof HttpFailure && failure.transient;
  for (const status of [408, 425, 429, 500, 502, 503, 504]) assert.ok(transient(of(status)), String(status));
  for (const status of [400, 401, 403, 404, 410, 418, 501, 505]) assert.not.ok(transient(of(status)), String(status));
  assert.is(of(401).exitCode, 2);
  assert.is(of(403).exitCode, 3);
  assert.is(of(403).problems[0]?.what, "api.example.org denies the access");
  assert.is(of(403, { "retry-after": "5" }).problems[0]?.what, "api.example.org limits the rate of requests");
  assert.match(of(429, { "retry-after": "9".repeat(20) }).problems[0]?.got ?? "", /^status 429, until 2\d{3}-/);
  const secondary = transientStatus(
    { url, status: 403, headers: {} },
    true,
    "You have exceeded a secondary rate limit.",
  );
  assert.is(secondary?.retryAfter, 60);
  assert.is(transientStatus({ url, status: 403, headers: {} }, true, "Resource not accessible"), undefined);
});

test("should know the errors of both runtimes by their kind", () => {
  const node = (code: string) => Object.assign(new Error(`connect ${code} 192.0.2.1:443`), { code });
  const deno = (message: string) =>
    new TypeError("fetch failed", {
      cause: new Error(`error sending request for url (https://h/?tls=timeout): client error (Connect): ${message}`),
    });
  const kinds: [string, boolean, unknown[]][] = [
    [
      "the address of h can't be found",
      true,
      [
        node("ENOTFOUND"),
        node("EAI_AGAIN"),
        deno("dns error: failed to lookup address information: Name or service not known"),
      ],
    ],
    [
      "h refuses the connection",
      true,
      [
        node("ECONNREFUSED"),
        new AggregateError([node("ECONNREFUSED"), node("ECONNREFUSED")]),
        deno("tcp connect error: Connection refused (os error 111)"),
      ],
    ],
    [
      "h cannot be reached",
      true,
      [node("ENETUNREACH"), node("EHOSTUNREACH"), deno("tcp connect error: Network is unreachable (os error 101)")],
    ],
    [
      "h broke the connection off",
      true,
      [
        node("ECONNRESET"),
        node("EPIPE"),
        new TypeError("error reading a body from connection"),
        deno("connection closed before message completed"),
        deno("tls handshake eof: peer closed connection without sending TLS close_notify"),
      ],
    ],
    [
      "the TLS connection to h can't be trusted",
      false,
      [
        node("DEPTH_ZERO_SELF_SIGNED_CERT"),
        node("UNABLE_TO_GET_ISSUER_CERT_LOCALLY"),
        node("EPROTO"),
        deno("invalid peer certificate: UnknownIssuer"),
      ],
    ],
    [
      "the certificate of h is not valid now",
      false,
      [node("CERT_HAS_EXPIRED"), deno("invalid peer certificate: Expired")],
    ],
    [
      "the certificate that answers for h is for another host",
      false,
      [node("ERR_TLS_CERT_ALTNAME_INVALID"), deno("invalid peer certificate: NotValidForName")],
    ],
    ["the proxy does not open a connection to h", false, [deno("unsuccessful tunnel")]],
    ["h does not answer", true, [node("ETIMEDOUT"), deno("operation timed out")]],
    ["h does not speak HTTP", false, [node("HPE_INVALID_CONSTANT"), deno("invalid HTTP version parsed")]],
  ];
  for (const [what, transient, errors] of kinds) {
    for (const error of errors) {
      const failure = classify(error, "h");
      assert.is(failure?.problems[0]?.what, what, String((error as Error).message));
      assert.is(failure?.transient, transient, what);
    }
  }
  for (const error of [node("ENOSPC"), node("EACCES"), new TypeError("x is not a function"), "text"]) {
    assert.is(classify(error, "h"), undefined, String(error));
  }
  assert.is(
    classify(node("ECONNREFUSED"), "h", "http://p:1")?.problems[0]?.what,
    "the proxy http://p:1 refuses the connection",
  );
});

test("should know which addresses go through a proxy", () => {
  const proxies = { http: "http://p:1", https: "http://u:SECRET@q:2" };
  const through = (address: string, except = "") => proxyOrigin(new URL(address), { ...proxies, except });
  assert.is(through("http://a.example.org/"), "http://p:1");
  assert.is(through("https://a.example.org/"), "http://q:2");
  for (const except of [
    "*",
    "example.org",
    ".example.org",
    "*.example.org",
    "x, a.example.org",
    "a.example.org:443",
    "A.EXAMPLE.ORG",
  ]) {
    assert.is(through("https://a.example.org/", except), undefined, except);
  }
  for (const except of ["", "ample.org", "a.example.org:80", "b.example.org", ","]) {
    assert.is(through("https://a.example.org/", except), "http://q:2", except);
  }
  for (const except of ["FD00::1", "[fd00::1]", "[fd00::1]:443"]) {
    assert.is(through("https://[fd00::1]/", except), undefined, except);
  }
  for (const except of ["fd00::", "::1", "[fd00::1]:80"]) {
    assert.is(through("https://[fd00::1]/", except), "http://q:2", except);
  }
});

test("should read no proxy variable but the one that is needed", async () => {
  process.env.https_proxy = "http://q:2";
  process.env.all_proxy = "socks5://p:1";
  try {
    assert.is(proxyOrigin(new URL("https://a.example.org/")), "http://q:2");
    const failure = await refused((async () => proxyOrigin(new URL("http://a.example.org/")))());
    assert.is(failure.problems[0]?.what, "the environment variable all_proxy does not parse");
    process.env.no_proxy = "a.example.org";
    assert.is(proxyOrigin(new URL("http://a.example.org/")), undefined);
  } finally {
    for (const name of ["https_proxy", "all_proxy", "no_proxy"]) delete process.env[name];
  }
});

/** A server on loopback while a body runs. */
async function serving<T>(
  answer: (path: string) => string,
  body: (origin: string, asked: string[]) => Promise<T>,
): Promise<T> {
  const asked: string[] = [];
  const server = createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (bytes: Buffer) => {
      const [request = ""] = bytes.toString().split("\r\n\r\n");
      asked.push(request);
      socket.end(answer(request.split(" ")[1] ?? ""));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  try {
    return await body(`http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`, asked);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
const text = async (response: HttpResponse): Promise<string> => {
  const pieces: Uint8Array[] = [];
  for await (const piece of response.body) pieces.push(piece);
  return Buffer.concat(pieces).toString();
};
const OPEN = { signal: new AbortController().signal };
const redirect = (to: string): string => `HTTP/1.1 302 Found\r\nlocation: ${to}\r\ncontent-length: 0\r\n\r\n`;
const ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

test("should follow relative redirects, and drop the token for good once the origin changes", async () => {
  await serving(
    () => ok,
    (end, last) =>
      serving(
        (path) => (path === "/a" ? redirect("/b") : redirect(`${end}/c`)),
        async (start, asked) => {
          const response = await send(`${start}/a`, { headers: { authorization: "token SECRET" }, ...OPEN });
          assert.is(await text(response), "ok");
          assert.is(response.url.href, `${end}/c`);
          assert.equal(
            asked.map((request) => /authorization: token SECRET/i.test(request)),
            [true, true],
          );
          assert.equal(
            last.map((request) => /authorization/i.test(request)),
            [false],
          );
        },
      ),
  );
});

test("should not follow a redirect of anything but a question", async () => {
  await serving(
    () => redirect("/elsewhere"),
    async (origin, asked) => {
      const response = await send(`${origin}/upload`, { method: "POST", body: "data", ...OPEN });
      assert.is(response.status, 302);
      assert.is(asked.length, 1);
    },
  );
});

/** As those who ask for a file do. */
const useful = async (address: string): Promise<HttpResponse> => {
  const response = await send(address, OPEN);
  throw statusFailure(response, false);
};

test("should tell a redirect to nowhere, a login page and other protocols apart", async () => {
  const answers: Record<string, [answer: string, what: RegExp]> = {
    "/nowhere": [redirect("https://"), /^127\.0\.0\.1:\d+ redirects to an invalid address$/],
    "/login": [
      "HTTP/1.1 511 Network Authentication Required\r\ncontent-length: 0\r\n\r\n",
      /answers with a web page in place of the file$/,
    ],
    "/switch": [
      "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n",
      /^127\.0\.0\.1:\d+ gives an answer that is of no use here$/,
    ],
    "/ssh": ["SSH-2.0-OpenSSH_9.2\r\n", /^127\.0\.0\.1:\d+ (does not speak HTTP|broke the connection off)$/],
  };
  for (const [path, [answer, what]] of Object.entries(answers)) {
    await serving(
      () => answer,
      async (origin) => {
        const failure = await refused(useful(`${origin}${path}`));
        assert.match(failure.problems[0]?.what ?? "", what);
        assert.is(failure.exitCode, 3);
      },
    );
  }
});

test("should send a token to the servers that it is for, and to no other", () => {
  const cases: [token: string, server: string, api: string, sent: boolean][] = [
    ["GH_TOKEN", "", "", true],
    ["GITHUB_TOKEN", "", "", true],
    ["GH_ENTERPRISE_TOKEN", "", "", false],
    ["GH_TOKEN", "https://acme.ghe.com", "https://api.acme.ghe.com", true],
    ["GITHUB_ENTERPRISE_TOKEN", "https://acme.ghe.com", "https://api.acme.ghe.com", false],
    ["GH_TOKEN", "https://acme.ghe.com.example.invalid", "", false],
    ["GH_TOKEN", "https://notghe.com", "", false],
    ["GITHUB_TOKEN", "https://git.example.invalid", "", false],
    ["GH_ENTERPRISE_TOKEN", "https://git.example.invalid", "", true],
    ["GITHUB_ENTERPRISE_TOKEN", "http://127.0.0.1:1", "", true],
    ["GITHUB_ENTERPRISE_TOKEN", "https://git.example.invalid", "https://api.example.invalid", false],
    ["GH_TOKEN", "", "https://api.github.com.example.invalid", false],
  ];
  for (const [name, server, api, sent] of cases) {
    const env: Record<string, string> = { [name]: "secret", GITHUB_SERVER_URL: server, GITHUB_API_URL: api };
    Object.assign(process.env, env);
    try {
      assert.is(releaseOrigin().token, sent ? "secret" : undefined, `${name} ${server} ${api}`);
    } finally {
      for (const key of Object.keys(env)) delete process.env[key];
    }
  }
});

test("should take nothing for a release that is none", async () => {
  const asset = { id: 1, name: "a", size: 0, state: "uploaded" };
  const good = {
    id: 1,
    tag_name: "v1.2.3",
    draft: false,
    html_url: "https://localhost/release",
    upload_url: "https://localhost/upload{?name,label}",
    assets: [asset, { ...asset, digest: null }],
  };
  const find = (release: string, list: string): Promise<Release> =>
    serving(
      (path) => {
        const [status, body] =
          path.includes("/tags/") && release === "" ? ["404 No", "{}"] : ["200 OK", release || list];
        return `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
      },
      (api) => findRelease({ ...releaseOrigin(), api, token: undefined }, "v1.2.3"),
    );
  assert.is((await find(JSON.stringify(good), "")).assets.length, 2);
  assert.is((await find("", JSON.stringify([{ ...good, draft: true }]))).draft, true);
  const wrong: unknown[] = [null, [], {}, "text", 7, { ...good, tag_name: 5 }, { ...good, draft: undefined }];
  for (const assets of [
    undefined,
    [null],
    [{ ...asset, id: "../x" }],
    [{ ...asset, size: -1 }],
    [{ ...asset, digest: 5 }],
  ]) {
    wrong.push({ ...good, assets });
  }
  for (const answer of [JSON.stringify(good).slice(0, 40), ...wrong.map((value) => JSON.stringify(value))]) {
    for (const call of [find(answer, ""), find("", answer === "[]" ? "{}" : `[${answer}]`)]) {
      const { problems, exitCode } = await refused(call);
      assert.match(problems[0]?.what ?? "", /^127\.0\.0\.1:\d+ does not answer like GitHub's API$/, answer);
      assert.is(exitCode, 3);
    }
  }
});

test("should ask no host but this machine over plain http", async () => {
  const failure = await refused(send("http://192.0.2.1/x", OPEN));
  assert.is(failure.problems[0]?.what, "plain http is for this machine only");
});

test("should let the process end although a connection is kept for later", async () => {
  const server = createServer((_, response) => response.end("ok"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const origin = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  assert.is(await text(await send(origin, OPEN)), "ok");
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test("should hide tokens, signatures and credentials, and nothing else", () => {
  process.env.GH_TOKEN = "ghp_verysecret";
  try {
    for (const [said, shown] of [
      ["no secret here: https://example.org/a/b", "no secret here: https://example.org/a/b"],
      ["url (https://h/x?sig=abc&se=1): failed", "url (https://h/x?(hidden)): failed"],
      ["https://h/x#fragment", "https://h/x?(hidden)"],
      ["http://user:pass@h:1/x", "http://(hidden)@h:1/x"],
      ["token ghp_verysecret twice ghp_verysecret", "token (hidden) twice (hidden)"],
      ["what? a question", "what? a question"],
    ] as const) {
      assert.is(redact(said), shown);
    }
    // As a workflow command, an address, JSON and a log spell it.
    process.env.GH_TOKEN = 'a%b:c,d"e';
    for (const form of ["a%25b:c,d", "a%25b%3Ac%2Cd"]) assert.is(redact(`::error::${form}"e`), "::error::(hidden)");
    for (const form of ["a%25b%3Ac%2Cd%22e", 'a%b:c,d\\"e']) assert.is(redact(form), "(hidden)");
  } finally {
    delete process.env.GH_TOKEN;
  }
});

test("should tell rate and time left", () => {
  assert.is(progressText(742_792, 5_949_672, 742_792, 2000), "725.4 KiB of 5.7 MiB, 362.7 KiB/s, 15 s left");
  assert.is(progressText(2048, undefined, 1024, 1000), "2.0 KiB, 1.0 KiB/s");
  assert.is(progressText(0, 100, 0, 0), "0 bytes of 100 bytes, 0 bytes/s");
  assert.is(bar(0, 4), "────");
  assert.is(bar(0.5, 4), "━━──");
  assert.is(bar(7, 4), "━━━━");
});

test.run();
