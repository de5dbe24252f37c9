/** Releases that their publisher has withdrawn: an asset of the release says so, its text, or an entry of stage0.lock. */
import { LOCK } from "../contract.ts";
import { Failure, printable } from "../errors.ts";
import { knob } from "../knobs.ts";
import { say } from "../log.ts";

export interface Withdrawal {
  /** A release tag in its own form. */
  tag: string;
  /** One printable line. */
  reason: string;
}

/** The longest reason, in characters. */
export const LONGEST_REASON = 500;

/** A reason from a file or an answer: its first line, bounded and printable. */
export function reasonOf(text: string): string {
  const [line = ""] = text.trim().split("\n");
  return printable(line).slice(0, LONGEST_REASON) || "no reason is given";
}

const END = "<!-- withdrawn by stage0-distribution -->";
const NOTE = new RegExp(`^> \\[!CAUTION\\]\\n> \\*\\*Withdrawn:\\*\\* ([^\\n]*)\\n${END}\\n*`);
const unixLines = (body: string): string => body.replaceAll("\r\n", "\n");

/** What stands above the text of a withdrawn release. */
export const noteOf = (reason: string): string => `> [!CAUTION]\n> **Withdrawn:** ${reason}\n${END}\n\n`;

/** The text of a release without the note. */
export const withoutNote = (body: string): string => unixLines(body).replace(NOTE, "");

/** The reason in the note above a release's text; undefined: there is no note. */
export function notedReason(body: string): string | undefined {
  const [, reason] = NOTE.exec(unixLines(body)) ?? [];
  return reason === undefined ? undefined : reasonOf(reason);
}

/** A release was refused because it is withdrawn. */
export class WithdrawnFailure extends Failure {
  readonly withdrawal: Withdrawal;

  /** @param said who says so */
  constructor(withdrawal: Withdrawal, said: string) {
    super(1, {
      what: `the release ${withdrawal.tag} is withdrawn`,
      expected: "a release that its publisher stands by",
      got: `${withdrawal.reason} (${said})`,
      fix: "use another release; FASTBOOP_STAGE0_ACCEPT_WITHDRAWN=1 takes it nevertheless",
    });
    this.withdrawal = withdrawal;
  }
}

/**
 * Refuses a withdrawn release, whatever pins it, unless the user takes it nevertheless. Returns it then.
 * @throws WithdrawnFailure
 */
export function refuseWithdrawn(withdrawal: Withdrawal, said: string): Withdrawal {
  if (!knob("FASTBOOP_STAGE0_ACCEPT_WITHDRAWN")) throw new WithdrawnFailure(withdrawal, said);
  say(`note: the release ${withdrawal.tag} is withdrawn, and taken nevertheless: ${withdrawal.reason}`);
  return withdrawal;
}

/** The same for a release that stage0.lock has among the withdrawn ones. */
export function refuseLocked(withdrawn: readonly Withdrawal[], tag: string | undefined): void {
  const mark = withdrawn.find((one) => one.tag === tag);
  if (mark !== undefined) refuseWithdrawn(mark, LOCK);
}
