/** Which system this is, by its own words (os-release(5)). */
import { readFileSync } from "node:fs";

/** The value of a field of /etc/os-release; empty when there is none. */
export function osRelease(field: "ID" | "ID_LIKE" | "VERSION_ID" | "PRETTY_NAME"): string {
  let text: string;
  try {
    text = readFileSync("/etc/os-release", "utf8");
  } catch {
    return "";
  }
  return new RegExp(`^${field}=["']?([^"'\n]*)`, "m").exec(text)?.[1] ?? "";
}
