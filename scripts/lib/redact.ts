/** What no log may show, whatever message it comes in: tokens, the signed part of an address, credentials in an address. */
import { printable } from "./errors.ts";
import { tokens } from "./knobs.ts";

const HIDDEN = "(hidden)";

/** A value in a GitHub workflow command, as the runner unescapes it. */
export const commandData = (text: string): string =>
  text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
export const commandProperty = (text: string): string =>
  commandData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");

/** How a token may stand in what is written. */
const FORMS = [
  (token: string) => token,
  printable,
  (token: string) => JSON.stringify(token).slice(1, -1),
  encodeURIComponent,
  commandData,
  commandProperty,
];

/** A text without the tokens of the environment, and with every address cut before its user, query and fragment. */
export function redact(text: string): string {
  let clean = text;
  for (const token of tokens()) for (const form of FORMS) clean = clean.replaceAll(form(token), HIDDEN);
  return clean
    .replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"'<>]*@/gi, `$1${HIDDEN}@`)
    .replace(/\b(https?:\/\/[^\s?#"'<>)]*)[?#][^\s"'<>)]*/gi, `$1?${HIDDEN}`);
}
