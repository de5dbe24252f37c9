import { isTag, TAG_FORM } from "../contract.ts";
import { printable, usageFailure } from "../errors.ts";

/** What triggered a workflow run: GITHUB_EVENT_NAME, GITHUB_REF and the event's JSON. */
interface Event {
  name: string;
  ref: string;
  payload: unknown;
}

/** publish: a real release; rehearse: everything but the release itself; none: nothing to do. */
interface Decision extends Record<string, string> {
  mode: "publish" | "rehearse" | "none";
  /** The tag of a release or rehearsal, else empty. */
  tag: string;
  /** When the tagged commit was made, in seconds since 1970; empty when the event does not say. */
  epoch: string;
}

/**
 * Decides whether a run releases (specification, "CI and Release Flow"). A pull request rehearses only when its branch is
 * in the same repository: a fork must not choose what runs with our permissions.
 * @throws Failure (2) on a pushed tag or release branch that is outside the tag grammar
 */
export function decideRelease(event: Event): Decision {
  if (event.name === "push" && event.ref.startsWith("refs/tags/v")) {
    const tag = checked(event.ref.slice("refs/tags/".length), "the pushed tag");
    return { mode: "publish", tag, epoch: commitTime(event.payload) };
  }
  if (event.name === "pull_request") {
    const { ref, from, to } = pullRequest(event.payload);
    if (ref.startsWith("release/v") && from === to) {
      return { mode: "rehearse", tag: checked(ref.slice("release/".length), "the release branch's tag"), epoch: "" };
    }
  }
  return { mode: "none", tag: "", epoch: "" };
}

function checked(tag: string, what: string): string {
  if (isTag(tag)) return tag;
  throw usageFailure({
    what: `${what} is outside the grammar`,
    expected: TAG_FORM,
    got: printable(tag),
    fix: "delete it and push one that fits",
  });
}

function commitTime(payload: unknown): string {
  const { timestamp } = (payload as { head_commit?: { timestamp?: unknown } | null }).head_commit ?? {};
  const milliseconds = typeof timestamp === "string" ? Date.parse(timestamp) : Number.NaN;
  return milliseconds > 0 ? String(Math.floor(milliseconds / 1000)) : "";
}

interface PullRequestEvent {
  pull_request?: {
    head?: { ref?: string; repo?: { full_name?: string } | null };
    base?: { repo?: { full_name?: string } };
  };
}

function pullRequest(payload: unknown): { ref: string; from: string | undefined; to: string } {
  const { head, base } = (payload as PullRequestEvent).pull_request ?? {};
  return { ref: head?.ref ?? "", from: head?.repo?.full_name, to: base?.repo?.full_name ?? "" };
}
