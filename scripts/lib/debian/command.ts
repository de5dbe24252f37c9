/** The command that installs Debian's packages, as root types it. */
export const DEBIAN_INSTALL = "apt-get update && apt-get install --no-install-recommends";

/** The same for some packages. */
export const debianCommand = (names: readonly string[]): string => `${DEBIAN_INSTALL} ${names.join(" ")}`;
