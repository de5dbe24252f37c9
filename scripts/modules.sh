#!/bin/sh
# Installs npm modules. No other script can run without them, so this one is the shell's.
# usage: modules.sh FOLDER   with the package.json, and perhaps a package-lock.json
set -eu
check=$(cd "${0%/*}" && pwd)/lib/node-version.cjs
cd "$1"
download=https://nodejs.org/en/download

problem() { # WHAT EXPECTED GOT FIX
	printf 'error: %s\n  expected: %s\n  got:      %s\n  fix:      %s\n' "$@" >&2
	failed=3
}

failed=0
if ! command -v node >/dev/null; then
	oldest=$(sed -n 's/^const OLDEST = "\([0-9.]*\)".*/\1/p' "$check")
	problem "node is not on PATH" "Node.js $oldest or later" none \
		"install your system's package nodejs if it is new enough, else take it from $download"
else
	node "$check" || failed=$?
fi
command -v npm >/dev/null ||
	problem "npm is not on PATH" "npm, which installs the modules" none \
		"install your system's package npm (nodejs-npm on Fedora), or Node.js from $download, which brings it"
[ $failed = 0 ] || exit $failed

if [ -e package-lock.json ]; then verb=ci; else verb="install --no-package-lock"; fi
echo "npm: installing what $1/package.json names" >&2
# The sleep keeps nobody waiting who reads our stderr to its end.
(
	seconds=0
	while sleep 20 >/dev/null 2>&1; do
		seconds=$((seconds + 20))
		echo "npm: still installing ($seconds s)" >&2
	done
) &
trap 'kill $! 2>/dev/null || :' EXIT
# shellcheck disable=SC2086 # a verb and an option
said=$(npm $verb --loglevel=error 2>&1) || {
	reason=$(printf '%s\n' "$said" | sed -E 's/^npm (ERR!|error) ?//' | grep -v -e '^$' -e 'complete log' -e '-debug-')
	problem "npm can't install the modules" "those that $1/package.json names" \
		"$(printf '%s\n' "$reason" | head -n 5 | sed '2,$s/^/            /')" \
		"check the network, and npm's registry, proxy and cafile (npm config list); then run it again"
}
exit $failed
