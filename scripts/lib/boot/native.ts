/** Whether a target's kernels run on this machine's own processor, by KVM, and not only emulated. */
import * as fs from "node:fs";
import type { Target } from "../contract.ts";

/** QEMU's name for the machine's own processor. */
export const HOST = "host";

/** The contract's names of the architectures that KVM is for. */
const ARCHITECTURES: Record<string, string> = { x64: "x86_64", arm64: "aarch64" };

interface Here {
  arch: string;
  device: string;
  cpuinfo: string;
}

/**
 * The device has to open, which needs rights, and an x86 processor has to have VT-x or AMD-V: KVM that works without
 * them (pvm) has the same device and hardly starts a kernel that was not made for it.
 */
export function hasKvm(
  target: Target,
  { arch, device, cpuinfo }: Here = { arch: process.arch, device: "/dev/kvm", cpuinfo: "/proc/cpuinfo" },
): boolean {
  if (ARCHITECTURES[arch] !== target.arch) return false;
  try {
    fs.closeSync(fs.openSync(device, "r+"));
    return arch !== "x64" || /^flags\s*:.* (vmx|svm)( |$)/m.test(fs.readFileSync(cpuinfo, "latin1"));
  } catch {
    return false;
  }
}
