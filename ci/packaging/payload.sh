#!/bin/sh
# Puts stage0 where a package's build wants it. usage: payload.sh OUTPUT [FILE]
# In this order: FASTBOOP_STAGE0_EMBED_PATH; FILE, a source of the recipe; a build of stage0/ in the current folder.
# Needs nothing but a POSIX sh, coreutils or busybox, and cargo for the last way.
set -eu

target=${FASTBOOP_STAGE0_TARGET:-aarch64-unknown-linux-musl}
asset=fastboop-stage0-aarch64-unknown-linux-musl
# Written by `make recipes` from stage0.lock; empty: no release is pinned.
tag=''
url=''
sha256=''

fail() {
	printf 'error: %s\n' "$1" >&2
	shift
	[ $# -eq 0 ] || printf '  %s\n' "$@" >&2
	exit 1
}

output=$1
file=${FASTBOOP_STAGE0_EMBED_PATH:-}
if [ -z "$file" ] && [ -n "${2:-}" ] && [ -e "$2" ]; then file=$2; fi

if [ -n "$file" ]; then
	if ! [ -f "$file" ] || ! [ -s "$file" ]; then fail "stage0 is not a regular file with content: $file"; fi
	# ELF magic, 64 bit, little endian, then e_machine 183: aarch64.
	header=$(od -An -v -tx1 -N20 <"$file" | tr -d ' \n' | cut -c 1-12,37-40)
	[ "$header" = 7f454c460201b700 ] || fail "stage0 is not an ELF file for aarch64: $file"
	got=$(sha256sum <"$file" | cut -d ' ' -f 1)
	if [ -n "$sha256" ] && [ "$got" != "$sha256" ]; then
		fail "stage0 is not the file that is pinned for $tag: $file" "expected: sha256 $sha256" "got:      sha256 $got"
	fi
	cp -- "$file" "$output"
elif [ -f stage0/Cargo.toml ]; then
	# Static whatever the distribution's flags say, and linked without a C compiler for phones.
	RUSTFLAGS="${RUSTFLAGS:-} -Ctarget-feature=+crt-static" \
		CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER="${CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER:-rust-lld}" \
		"${FASTBOOP_STAGE0_CARGO:-${CARGO:-cargo}}" build --manifest-path stage0/Cargo.toml --package fastboop-stage0 \
		--release --locked --target "$target" --target-dir target/stage0-package
	cp -- "target/stage0-package/$target/release/fastboop-stage0" "$output"
else
	fail "there is no stage0 to package; give one in one of three ways:" \
		"1. set FASTBOOP_STAGE0_EMBED_PATH to the absolute path of $asset" \
		"2. put $asset beside the recipe's other sources${url:+, from $url}" \
		"3. build where stage0/Cargo.toml is, with a cargo that has the target $target"
fi
chmod 0644 "$output"
