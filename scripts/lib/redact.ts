/** What no log may show, whatever message it comes in: tokens, the signed part of an address, credentials in an address. */
import { tokens } from "./knobs.ts";

const HIDDEN = "(hidden)";

/** A text without the tokens of the environment, and with every address cut before its user, query and fragment. */
export function redact(text: string): string {
  let clean = text;
  for (const token of tokens()) clean = clean.replaceAll(token, HIDDEN);
  return clean
    .replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"'<>]*@/gi, `$1${HIDDEN}@`)
    .replace(/\b(https?:\/\/[^\s?#"'<>)]*)[?#][^\s"'<>)]*/gi, `$1?${HIDDEN}`);
}
