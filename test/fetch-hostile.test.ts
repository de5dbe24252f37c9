/** Servers, proxies and files that mean harm: every run ends, soon, in bounded memory, with words and the right code. */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createSocketServer, type Socket } from "node:net";
import { join } from "node:path";
import { createServer as createSecureServer } from "node:tls";
import * as assert from "uvu/assert";
import { certificate, makeAuthority } from "./github/certificates.ts";
import { ASSET, BYTES, type Env, fetchRun, newFolder, type Run, SHA256, SUMS, TAG } from "./lib/fetching.ts";
import { isDeno, suite } from "./lib/harness.ts";
import { watchMemory } from "./lib/processes.ts";

const suiteOfTrials = suite("fetch: hostile");
/** Most trials wait most of the time, so that some of them run side by side. */
const SIDE_BY_SIDE = 6;
const queue: (() => Promise<void>)[] = [];
let busy = 0;
const next = (): void => {
  if (busy >= SIDE_BY_SIDE) return;
  const work = queue.shift();
  if (work === undefined) return;
  busy += 1;
  void work().finally(() => {
    busy -= 1;
    next();
  });
};
function test(title: string, body: () => Promise<void>): void {
  const done = new Promise<void>((resolve, reject) => {
    queue.push(() => body().then(resolve, reject));
  });
  done.catch(() => {});
  next();
  suiteOfTrials(title, () => done);
}
const QUICK = { FASTBOOP_STAGE0_STALL_TIMEOUT: "1" };
const MOST_MEMORY = 130 * 1024 * 1024;

interface Trial extends Run {
  seconds: number;
  /** Peak of the resident memory in bytes. */
  peak: number;
}

/** Runs a script that has to end by itself within so many seconds. */
async function trial(env: Env, { most = 60, folder = newFolder(), name = "fetch-stage0.ts" } = {}): Promise<Trial> {
  let late = false;
  let [stop, timer]: [() => number, NodeJS.Timeout | undefined] = [() => 0, undefined];
  const started = (pid: number): void => {
    stop = watchMemory(pid);
    timer = setTimeout(() => {
      late = true;
      process.kill(pid, "SIGKILL");
    }, most * 1000);
  };
  const start = performance.now();
  const run = await fetchRun(undefined, env, { folder, name, started });
  clearTimeout(timer);
  const peak = stop();
  assert.not.ok(late, `it does not end: ${run.stderr.slice(-3000)}`);
  assert.not.match(run.stderr, "this is a defect");
  assert.ok(peak < MOST_MEMORY, `${peak} bytes`);
  return { ...run, peak, seconds: (performance.now() - start) / 1000 };
}

const listen = (server: ReturnType<typeof createSocketServer>): Promise<number> =>
  new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)));

/** Runs a body while sockets are answered in some way. */
async function withSockets<T>(answer: (socket: Socket) => void, use: (port: number) => Promise<T>): Promise<T> {
  const open = new Set<Socket>();
  const server = createSocketServer((socket) => {
    open.add(socket.on("error", () => {}));
    answer(socket);
  });
  try {
    return await use(await listen(server));
  } finally {
    for (const socket of open) socket.destroy();
    server.close();
  }
}

type Answer = (request: IncomingMessage, response: ServerResponse, origin: string) => void;

/** The same with requests. */
async function withAnswers<T>(answer: Answer, use: (origin: string) => Promise<T>): Promise<T> {
  const server = createServer({ maxHeaderSize: 1_000_000 }, (request, response) => {
    answer(
      request,
      response.on("error", () => {}),
      `http://${request.headers.host}`,
    );
  });
  const port = await listen(server);
  try {
    return await use(`http://127.0.0.1:${port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
const at = (origin: string): Env => ({ GITHUB_SERVER_URL: origin, GITHUB_API_URL: `${origin}/api` });
const isList = ({ url = "" }: IncomingMessage): boolean => url.endsWith("SHA256SUMS");
/** Serves a release, its list as it should be. */
const asset =
  (answer: Answer): Answer =>
  (request, response, origin) =>
    isList(request) ? response.end(SUMS) : answer(request, response, origin);
const forever = (response: ServerResponse, piece: string | Buffer): void => {
  const more = (): void => {
    while (response.write(piece));
    response.once("drain", more);
  };
  more();
};

for (const scheme of ["http", "https"]) {
  test(`should count the attempts through a proxy that closes after CONNECT (${scheme})`, async () => {
    let connections = 0;
    const answer = (socket: Socket): void => {
      connections += 1;
      socket.once("data", (text) =>
        String(text).startsWith("CONNECT") ? socket.end("HTTP/1.1 200 OK\r\n\r\n") : socket.end(),
      );
    };
    await withSockets(answer, async (port) => {
      const proxies = { http_proxy: `http://127.0.0.1:${port}`, https_proxy: `http://127.0.0.1:${port}` };
      const run = await trial({ ...at(`${scheme}://127.0.0.1:10009`), ...proxies });
      assert.match(run.stderr, /broke the connection off; trying again in [0-9.]+ s \(5 of 5\)\nerror: /);
      assert.is(run.code, 3);
      assert.ok(connections <= 10, `${connections} connections`);
    });
  });

  test(`should not wait for a proxy that never answers (${scheme})`, async () => {
    await withSockets(
      () => {},
      async (port) => {
        const proxies = { http_proxy: `http://127.0.0.1:${port}`, https_proxy: `http://127.0.0.1:${port}` };
        const run = await trial({ ...at(`${scheme}://127.0.0.1:10009`), ...proxies, ...QUICK });
        assert.match(run.stderr, /has stopped sending; trying again in [0-9.]+ s \(5 of 5\)\nerror: /);
        assert.is(run.code, 3);
      },
    );
  });
}

const PROXY_ANSWERS: Record<string, [answer: string, says: RegExp]> = {
  "no HTTP": ["SSH-2.0-OpenSSH_9.2\r\n", /does not speak HTTP|broke the connection off|does not open a connection/],
  "a header without end": [
    `HTTP/1.1 200 OK\r\nx: ${"y".repeat(200_000)}\r\n\r\n`,
    /does not speak HTTP|broke the connection off|does not open a connection/,
  ],
  "a header that is none": [
    "HTTP/1.1 200 OK\r\n\u0000: x\r\n\r\n",
    /does not speak HTTP|broke the connection off|does not open a connection/,
  ],
  "407": [
    "HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n",
    /the proxy (wants a user name and a password|does not open a connection to)/,
  ],
  "502": ["HTTP/1.1 502 No\r\ncontent-length: 0\r\n\r\n", /the proxy does not open a connection to/],
};
for (const [name, [text, says]] of Object.entries(PROXY_ANSWERS)) {
  test(`should have words for a proxy that answers with ${name}`, async () => {
    await withSockets(
      (socket) => socket.once("data", () => socket.end(text, "latin1")),
      async (port) => {
        const run = await trial({ ...at("https://127.0.0.1:10009"), https_proxy: `http://127.0.0.1:${port}` });
        assert.match(run.stderr, says);
        assert.is(run.code, 3);
      },
    );
  });
}

const ANSWERS: Record<string, [answer: string, code: number]> = {
  "no HTTP": ["SSH-2.0-OpenSSH_9.2\r\n", 3],
  "a header that is none": ["HTTP/1.1 200 OK\r\n\u0000: x\r\n\r\n", 3],
  "a Location of 100 KB": [`HTTP/1.1 302 Found\r\nlocation: /${"y".repeat(100_000)}\r\n\r\n`, 3],
  "a chunk of no size": ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", 3],
  "a length and chunks": [
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n3\r\nxyz\r\n0\r\n\r\n",
    3,
  ],
  nothing: ["", 3],
  "a status of 99": ["HTTP/1.1 99 No\r\n\r\n", 3],
  "a status of 600": ["HTTP/1.1 600 No\r\ncontent-length: 0\r\n\r\n", 3],
};
for (const [name, [text, code]] of Object.entries(ANSWERS)) {
  test(`should have words for a server that answers with ${name}`, async () => {
    await withSockets(
      (socket) => socket.once("data", () => socket.end(text, "latin1")),
      async (port) => {
        const run = await trial(at(`http://127.0.0.1:${port}`));
        assert.match(run.stderr, /^error: /m);
        assert.is(run.code, isDeno && name === "a length and chunks" ? 1 : code, run.stderr);
      },
    );
  });
}

for (const port of [0, 25]) {
  test(`should have words for port ${port}`, async () => {
    assert.is((await trial({ ...at(`http://127.0.0.1:${port}`), ...QUICK })).code, 3);
  });
}

test("should have words for addresses of files that no path is", async () => {
  for (const mirror of ["file:///a%00b", "file:///a%2fb", "file://host/a"]) {
    const run = await trial({ FASTBOOP_STAGE0_MIRROR: mirror });
    assert.is(run.code, 2, run.stderr);
  }
});

const DEVICES = ["fifo", "zero"] as const;
for (const kind of DEVICES) {
  test(`should not read a ${kind} in the place of a file`, async () => {
    const make = (path: string): void => {
      fs.mkdirSync(join(path, ".."), { recursive: true });
      fs.rmSync(path, { force: true });
      if (kind === "fifo") execFileSync("mkfifo", [path]);
      else fs.symlinkSync("/dev/zero", path);
    };
    await withAnswers(
      asset((_, response) => response.end(BYTES)),
      async (origin) => {
        const folder = newFolder();
        const first = await trial(at(origin), { folder });
        assert.is(first.code, 0, first.stderr);
        const releases = join(folder, "cache", "releases");
        const record = fs
          .readdirSync(releases, { recursive: true, encoding: "utf8" })
          .find((name) => name.endsWith(".json"));
        make(join(releases, record ?? ""));
        const again = await trial(at(origin), { folder });
        assert.is(again.code, 0, again.stderr);
        make(join(folder, "cache", "assets", SHA256));
        make(join(folder, "dist", "fetched", TAG, ASSET));
        const third = await trial(at(origin), { folder });
        assert.is(third.code, 0, third.stderr);
        make(join(folder, "caller", "stage0.lock"));
        assert.is((await trial(at(origin), { folder })).code, 3);
        assert.is((await trial(at(origin), { folder, name: "lock.ts" })).code, 3);
        make(join(folder, "mirror", TAG, "SHA256SUMS"));
        fs.rmSync(join(folder, "caller", "stage0.lock"));
        const mirror = await trial({ FASTBOOP_STAGE0_MIRROR: `file://${join(folder, "mirror")}` }, { folder });
        assert.is(mirror.code, 3, mirror.stderr);
      },
    );
  });
}

test("should refuse a list or an answer that is larger than any", async () => {
  const run = (answer: Answer, env: Env = {}): Promise<Trial> =>
    withAnswers(answer, (origin) => trial({ ...at(origin), ...env }));
  const endless = await run((_, response) => forever(response, Buffer.alloc(65_536, "a")));
  assert.match(endless.stderr, "sends more than a list or an API answer takes");
  assert.is(endless.code, 1);
  const bad = await run((_, response) => response.end(`x\n${SHA256}  a/b\n`.repeat(60_000).slice(0, 4_000_000)));
  assert.is(bad.code, 1, bad.stderr.slice(0, 1000));
  assert.ok(bad.stderr.length < 20_000, `${bad.stderr.length}`);
  const json = await run((_, response) => response.end(`[${"{},".repeat(1_300_000)}{}]`), { TAG: "latest" });
  assert.is(json.code, 3, json.stderr);
  const objects = await run((_, response) => response.end(`[${"{},".repeat(10_000_000)}{}]`), { TAG: "latest" });
  assert.match(objects.stderr, "sends more than a list or an API answer takes");
});

test("should refuse a mirror's list of 3 GB before it is read", async () => {
  const mirror = join(newFolder(), "mirror");
  fs.mkdirSync(join(mirror, TAG), { recursive: true });
  fs.writeFileSync(join(mirror, TAG, "SHA256SUMS"), "");
  fs.truncateSync(join(mirror, TAG, "SHA256SUMS"), 3_000_000_000);
  const run = await trial({ FASTBOOP_STAGE0_MIRROR: `file://${mirror}` }, { most: 20 });
  assert.match(run.stderr, "SHA256SUMS is longer than any list\n  expected: at most 4,194,304 bytes (4.0 MiB)\n");
  assert.is(run.code, 1);
});

test("should take the end of a TLS connection before an answer for a break, though nothing announced it", async () => {
  const folder = newFolder();
  await makeAuthority(folder);
  let connections = 0;
  // Destroyed, the socket below ends without TLS's own word for it.
  const server = createSecureServer(await certificate(folder, "valid"), (socket) => {
    connections += 1;
    socket.on("error", () => {}).once("data", () => socket.destroy());
  });
  const port = await listen(server);
  try {
    const run = await trial({ ...at(`https://127.0.0.1:${port}`), NODE_EXTRA_CA_CERTS: join(folder, "ca.pem") });
    assert.match(run.stderr, /broke the connection off; trying again in [0-9.]+ s \(5 of 5\)\nerror: /);
    assert.is(run.code, 3);
    assert.ok(connections >= 5, `${connections}`);
  } finally {
    server.close();
  }
});

test("should end a list that only drips", async () => {
  const drip: Answer = (_, response) => void setInterval(() => response.write("a".repeat(1000)), 100).unref();
  const run = await withAnswers(drip, (origin) => trial({ ...at(origin), ...QUICK }, { most: 150 }));
  assert.match(run.stderr, "error: ");
  assert.is(run.code, 3);
});

test("should end when the folder of the download goes while an answer is open", async () => {
  const folder = newFolder();
  const answer = asset((_, response) => {
    response.writeHead(200, { "content-length": BYTES.length });
    response.write(BYTES.subarray(0, 300_000));
    setTimeout(() => {
      fs.rmSync(join(folder, "dist"), { recursive: true, force: true });
      fs.writeFileSync(join(folder, "dist"), "");
      response.write(BYTES.subarray(300_000));
    }, 300);
  });
  const run = await withAnswers(answer, (origin) => trial(at(origin), { folder, most: 20 }));
  assert.is(run.code, 3, run.stderr);
});

test("should have words for what the system refuses", async () => {
  const answer = asset((_, response) => response.end(BYTES));
  await withAnswers(answer, async (origin) => {
    const folder = newFolder();
    const env = Object.entries({ ...at(origin), OUT: join(folder, "out") });
    // A limit of 512 KiB to what a file may have.
    const run = await fetchRun(undefined, Object.fromEntries(env), {
      folder,
      prefix: ["sh", "-c", 'trap "" XFSZ; ulimit -f 1024; exec "$@"', "sh"],
    });
    assert.not.match(run.stderr, "this is a defect");
    assert.match(run.stderr, /^error: \S+: (the file is larger than is allowed here)/m);
    assert.is(run.code, 3);
  });
});

test("should resume whenever a break brought a twentieth of the file, or 64 KiB", async () => {
  let at10 = 0;
  const bytes = BYTES;
  const answer = asset((request, response) => {
    const from = Number(/bytes=([0-9]+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    at10 = Math.max(at10, from);
    response.writeHead(from > 0 ? 206 : 200, {
      "content-length": bytes.length - from,
      ...(from > 0 && { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
    });
    const piece = bytes.subarray(from, from + 100_000);
    response.write(piece, () => setTimeout(() => response.destroy(), 50));
  });
  const run = await withAnswers(answer, (origin) => trial(at(origin), { most: 120 }));
  assert.is(run.code, 0, run.stderr);
});

test("should send a token only to the host that it is for, and say so of one that is not sent", async () => {
  const seen: (string | undefined)[] = [];
  const answer: Answer = ({ headers }, response) => {
    seen.push(headers.authorization);
    response.writeHead(404).end("{}");
  };
  await withAnswers(answer, async (origin) => {
    const { host, port } = new URL(origin);
    const latest = await trial({
      ...at(origin),
      TAG: "latest",
      GH_ENTERPRISE_TOKEN: "theirs",
      FASTBOOP_STAGE0_TRUST: undefined,
    });
    assert.match(latest.stderr, /^error: the latest release has no pin, and \S+ is not the default origin\n/m);
    assert.is(latest.code, 2);
    assert.equal(seen, []);
    const foreign = await trial({ ...at(origin), GH_TOKEN: "githubs" });
    assert.match(
      foreign.stderr,
      `note: GH_TOKEN is not sent: it is for github.com and *.ghe.com, and ${host} takes GH_ENTERPRISE_TOKEN\n`,
    );
    const api = await trial({ GITHUB_API_URL: origin, GH_TOKEN: "githubs", TAG: "latest" });
    assert.match(api.stderr, `note: GH_TOKEN is not sent: ${host} is no API of github.com\n`);
    const proxied = await trial({
      ...at(`http://localhost:${port}`),
      http_proxy: origin,
      GH_ENTERPRISE_TOKEN: "theirs",
    });
    assert.match(
      proxied.stderr,
      "note: GH_ENTERPRISE_TOKEN is not sent: a proxy would read it on its way to plain http\n",
    );
    assert.equal([...new Set(seen)], [undefined]);
    await trial({ ...at(origin), GH_ENTERPRISE_TOKEN: "theirs" });
    assert.ok(seen.includes("token theirs"), String(seen));
  });
});

test("should remove what a killed run left in the cache, and take a record of null for none", async () => {
  await withAnswers(
    asset((_, response) => response.end(BYTES)),
    async (origin) => {
      const folder = newFolder();
      assert.is((await trial(at(origin), { folder })).code, 0);
      const cached = join(folder, "cache", "assets");
      const releases = join(folder, "cache", "releases");
      const record = fs
        .readdirSync(releases, { recursive: true, encoding: "utf8" })
        .find((name) => name.endsWith(".json"));
      fs.writeFileSync(join(releases, record ?? ""), "null");
      fs.rmSync(join(cached, SHA256));
      fs.writeFileSync(join(cached, "killed.1.00.tmp"), "");
      fs.writeFileSync(join(cached, "young.1.00.tmp"), "");
      fs.utimesSync(join(cached, "killed.1.00.tmp"), new Date(), new Date(Date.now() - 660_000));
      const again = await trial(at(origin), { folder });
      assert.is(again.code, 0, again.stderr);
      assert.equal(fs.readdirSync(cached).sort(), [SHA256, "young.1.00.tmp"].sort());
    },
  );
});

test("should hide a token in an annotation, whatever it is made of", async () => {
  const run = await trial({ GH_TOKEN: "ab%cd:ef,gh", TAG: "ab%cd:ef,gh", GITHUB_ACTIONS: "true" });
  assert.match(run.stderr, /^::error::.*\(hidden\)/m);
  assert.not.match(run.stderr, /ab.*cd.*ef.*gh/);
  assert.is(run.code, 2);
});

suiteOfTrials.run();
