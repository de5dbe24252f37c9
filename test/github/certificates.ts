/** A certificate authority of the server's own, made with openssl in its folder, and certificates right and wrong. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { $ } from "zx";
import type { Certificate } from "./types.ts";

export interface KeyPair {
  key: Buffer;
  cert: Buffer;
}

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** Makes the CA. Its certificate is `ca.pem` in the folder. @throws when openssl is missing or fails */
export async function makeAuthority(folder: string): Promise<void> {
  const openssl = $({ cwd: folder, quiet: true });
  await openssl`openssl req -x509 ${KEY} -keyout ca.key -out ca.pem -days 2 -subj ${"/CN=local GitHub CA"} -addext ${"basicConstraints=critical,CA:TRUE"} -addext keyUsage=critical,keyCertSign,cRLSign`;
}

/** A key and a certificate of that kind for this machine, made on first use. */
export async function certificate(folder: string, kind: Certificate): Promise<KeyPair> {
  const path = (extension: string): string => join(folder, `${kind}.${extension}`);
  if (!existsSync(path("pem"))) {
    const openssl = $({ cwd: folder, quiet: true });
    const names = kind === "wrong-host" ? "DNS:example.invalid" : "DNS:localhost,IP:127.0.0.1";
    const extensions = [`subjectAltName=${names}`, "basicConstraints=critical,CA:FALSE", "extendedKeyUsage=serverAuth"];
    writeFileSync(path("ext"), `${extensions.join("\n")}\n`);
    await openssl`openssl req ${KEY} -keyout ${path("key")} -out ${path("csr")} -subj ${`/CN=local GitHub, ${kind}`}`;
    const signer = kind === "self-signed" ? ["-signkey", path("key")] : ["-CA", "ca.pem", "-CAkey", "ca.key"];
    if (kind === "expired") await expired(folder, path);
    else
      await openssl`openssl x509 -req -in ${path("csr")} ${signer} -days 2 -extfile ${path("ext")} -out ${path("pem")}`;
  }
  return { key: readFileSync(path("key")), cert: readFileSync(path("pem")) };
}

/** Signs what was valid for one day of the past: x509 takes no such days any more (OpenSSL 3.4), ca always did. */
async function expired(folder: string, path: (extension: string) => string): Promise<void> {
  const openssl = $({ cwd: folder, quiet: true });
  writeFileSync(join(folder, "index.txt"), "");
  writeFileSync(
    join(folder, "ca.cnf"),
    "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\npolicy=names\n[names]\ncommonName=supplied\n",
  );
  const dates = ["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"];
  const signer = ["-cert", "ca.pem", "-keyfile", "ca.key"];
  await openssl`openssl ca -batch -notext -config ca.cnf ${signer} ${dates} -in ${path("csr")} -extfile ${path("ext")} -out ${path("pem")}`;
}
