# stage0 distribution. Every recipe calls one script; what a script takes, its --help tells.
# Variables reach the scripts through the environment, so no value is ever read by a shell on its way.

MAKEFLAGS += --no-builtin-rules --no-print-directory --warn-undefined-variables
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
SHELL := /bin/sh
.SHELLFLAGS := -c
VPATH :=

# What the command line and the environment give is data, but make would expand a `$` in it and run what $(shell) names.
# $(value) reads it as it is. The loop does so for all that the command line gives; make can't export a name with a dot,
# so the loop's own is none of those.
override given := $(sort $(foreach a.name,$(.VARIABLES),$(if $(filter command,$(origin $(a.name))),$(a.name))))
$(foreach a.name,$(given),$(eval export override $$(a.name) := $$(value $$(a.name))))
# The scripts say which of them are no knobs.
export override MAKE_VARIABLES := $(given)

# Relative paths count from the folder in which make was called, which `make -C` leaves in PWD only.
# In a cargo build script PWD is stale, and TARGET and PROFILE speak of the outer build unless the command line gives them.
in_build_script := $(filter-out undefined,$(origin CARGO_CFG_TARGET_ARCH))
export CALLER_DIR := $(or $(if $(in_build_script),$(value CARGO_MANIFEST_DIR)),$(value PWD),$(CURDIR))
unexport $(if $(in_build_script),$(filter-out $(given),TARGET PROFILE))

# Of an empty home folder npm and cargo make the current one.
unexport $(if $(value HOME),,HOME)

override RUNTIME := $(or $(value RUNTIME),node)
deno := ci/tools/node_modules/.bin/deno
# In half the time of npx or npm run.
run_node := node --require ./scripts/lib/typescript.cjs
run_deno := $(deno) run -A --quiet
run := $(or $(run_$(RUNTIME)),$(error RUNTIME is "$(RUNTIME)", it takes node or deno))

modules := node_modules/.package-lock.json
tools := ci/tools/node_modules/.package-lock.json
ready := $(modules) $(if $(filter deno,$(RUNTIME)),$(tools))

# Asked for together, verbs run in the order of these lines, under -j too: what writes dist/ or sources, then what reads it.
stage1 := format docs trusted-root pin-images lock install-workflows toolchain toolchain-key
stage2 := recipes
stage3 := stage0 stage0-all stage0-env cli fetch-stage0 fetch-kit bundle
stage4 := preflight boot phone verify identify sbom lint test recipes-check workflows-check
stage5 := package-deb package-rpm package-apk install
stage6 := sums release-assets
stage7 := release-bundles
stage8 := verify-sums
stage9 := draft publish
stage10 := withdraw reinstate major-tag
stages := 1 2 3 4 5 6 7 8 9 10
verbs := $(foreach n,$(stages),$(stage$n)) help help-dev tag contract reproduce rehearse release-gate bench mutate judge clean
.PHONY: $(verbs)

# make itself would pass over a goal that is no verb but a file. Shells ask for .DEFAULT to complete words.
stray := $(filter-out $(verbs) .DEFAULT,$(MAKECMDGOALS))
stray := $(if $(stray),$(shell GOALS='$(subst ','\'',$(stray))' LC_ALL=C awk -f scripts/help.awk Makefile))
$(if $(stray),$(error $(stray)))

stage3 += $(filter dist/%,$(MAKECMDGOALS))
earlier :=
$(foreach n,$(stages),$(eval $(stage$n): | $(filter $(earlier),$(MAKECMDGOALS)))$(eval earlier += $(stage$n)))
others := $(filter-out clean,$(MAKECMDGOALS))
ifneq ($(others),$(MAKECMDGOALS))
$(if $(filter clean,$(lastword $(MAKECMDGOALS))),clean: | $(others),$(others): | clean)
endif

##@ Build
stage0: $(ready) ## Build stage0 for one target (or take FASTBOOP_STAGE0_EMBED_PATH) into dist/
	@$(run) scripts/build-stage0.ts
stage0-all: $(ready) ## Build every release target
	@$(run) scripts/build-stage0.ts --all
dist/fastboop-stage0-%: $(ready) FORCE
	@TARGET='$*' $(run) scripts/build-stage0.ts
stage0-env: $(ready) ## Print the line that exports the path, for sh to eval
	@$(run) scripts/build-stage0.ts --env
cli: $(ready) ## Build the workspace's fastboop-cli with stage0 embedded
	@$(run) scripts/build-cli.ts

##@ Prove
preflight: $(ready) ## Gate the release artifacts in dist/; BOOT=1 and PHONE=1 boot them too
	@$(run) scripts/preflight.ts
boot: $(ready) ## Boot the artifacts as PID 1 under QEMU
	@$(run) scripts/boot-stage0.ts
phone: $(ready) ## Have fastboop boot an emulated phone with the artifacts
	@$(run) scripts/phone.ts
verify: $(ready) ## Say all that is known of FILE: gate, pins, sums, provenance (of TAG)
	@$(run) scripts/verify.ts
identify: $(ready) ## Find each stage0 in FILE (initrd, boot image, package) and its release
	@$(run) scripts/identify.ts
rehearse: $(ready) ## Try a whole release on this machine; FAULTS=1 breaks every network step once
	@$(run) ci/dev/rehearse.ts
test: $(modules) $(tools) ## Run every test
	@$(run) test/run.ts

##@ Release
sums: $(ready) ## Write SHA256SUMS over the artifacts
	@$(run) scripts/sums.ts
verify-sums: $(ready) ## Check the artifacts against SHA256SUMS
	@$(run) scripts/sums.ts --verify
publish: $(ready) ## Upload dist/ to the draft of TAG and verify it; UNDRAFT=1 publishes it then
	@$(run) scripts/publish-stage0.ts
withdraw: $(ready) ## Mark the release of TAG as withdrawn, for REASON: nothing here takes it then
	@$(run) scripts/withdraw.ts

##@ Fetch
fetch-stage0: $(ready) ## Download a release's stage0, verified, and print its path
	@$(run) scripts/fetch-stage0.ts
fetch-kit: $(ready) ## Make one archive of a release, for builds without network
	@$(run) scripts/fetch-kit.ts
lock: $(ready) ## Pin the release's digests in stage0.lock
	@$(run) scripts/lock.ts
# Bytes only pass through: with a small young generation the peak is 30 MB lower at any size. The start takes 30 ms more,
# as node's own code is cached for its default flags.
lean_node := node --max-semi-space-size=1 --require ./scripts/lib/typescript.cjs
lean_deno := $(run_deno) --v8-flags=--max-semi-space-size=1
fetch-stage0 fetch-kit lock: private run = $(lean_$(RUNTIME))

##@ Package
package-deb: $(ready) ## Build the Debian package and compare the payload at both ends
	@$(run) scripts/package.ts deb
package-rpm: $(ready) ## Build the RPM package and compare the payload at both ends
	@$(run) scripts/package.ts rpm
package-apk: $(ready) ## Build the Alpine package (on Alpine) and compare the payload at both ends
	@$(run) scripts/package.ts apk
install: $(ready) ## Install the payload below DESTDIR and PREFIX
	@$(run) scripts/install.ts
clean: ## Remove dist/ and everything that was built
	@$(if $(value DIST),$(error clean removes dist/ in the project, not "$(value DIST)": remove that yourself, and unset DIST))
	@$(if $(filter-out RUNTIME,$(given)),$(warning clean reads no variable, and got $(filter-out RUNTIME,$(given))))
	@rm -rf dist .cache test/.cache test/workspace/target test/workspace-hard/target test/phone/target

##@dev Check
help: $(if $(value TARGET),$(ready)) ## Print the user's verbs; TARGET=VERB prints the details of one
	@$(if $(value TARGET),$(run) scripts/help.ts,awk -f scripts/help.awk Makefile)
help-dev: ## Print the other verbs, and every knob
	@awk -v dev=1 -f scripts/help.awk Makefile
toolchain: $(ready) ## Make sure that cargo can build for the target
	@$(run) scripts/toolchain.ts
toolchain-key: $(ready) ## Print the names that a cache keeps the toolchains of Debian's packages by
	@$(run) scripts/toolchain.ts --key
reproduce: $(ready) ## Build twice and compare the bytes; TAG: build that release again
	@$(run) scripts/reproduce.ts
lint: $(modules) $(tools) ## Check types, format, shell and workflows
	@$(run) ci/dev/lint.ts
format: $(tools) ## Format the sources
	@ci/tools/node_modules/.bin/biome check --write .
docs: $(ready) ## Write the tables in docs/ and the Makefile that are made from the code
	@$(run) ci/dev/docs.ts
pin-images: $(ready) ## Write the digests of the workflows' container images beside their tags
	@$(run) ci/dev/pin-images.ts
trusted-root: $(ready) ## Take Sigstore's public root of today into the project
	@$(run) ci/dev/trusted-root.ts
tag: $(ready) ## Print VERSION as a tag, or a tag in a distribution's FORMAT
	@$(run) scripts/tag.ts
contract: $(ready) ## Print the distribution contract as JSON
	@$(run) scripts/contract.ts
recipes: $(ready) ## Write TAG's pins from stage0.lock into the packaging recipes
	@$(run) scripts/recipes.ts
recipes-check: $(ready) ## Fail when the recipes differ from stage0.lock
	@$(run) scripts/recipes.ts --check
bench: $(modules) $(tools) ## Measure everything beside other tools and write docs/bench/
	@$(run_node) ci/dev/bench.ts
# Under deno, which starts a test file in a fraction of the time.
mutate: $(modules) $(tools) ## Put defects into the deciding rules and see that tests notice 95 % of them
	@$(run_deno) ci/dev/mutate.ts

judge: $(modules) ## Run mutants that the gate passes, in a chroot as root: each has to print its line
	@$(run_node) ci/dev/judge.ts

##@dev CI
install-workflows: $(ready) ## Copy the workflows into WORKSPACE's .github/workflows
	@$(run) scripts/install-workflows.ts
workflows-check: $(ready) ## Fail when WORKSPACE's copies of the workflows differ
	@$(run) scripts/install-workflows.ts --check
draft: $(ready) ## Find or make the draft release of TAG
	@$(run) scripts/publish-stage0.ts --draft
reinstate: $(ready) ## Take the mark of a withdrawn release back
	@$(run) scripts/withdraw.ts --undo
release-gate: $(ready) ## Decide whether this workflow run releases, rehearses or neither
	@$(run) scripts/release-gate.ts
major-tag: $(ready) ## Move the tag by which others use the actions to TAG, by git push
	@$(run) scripts/major-tag.ts
bundle: $(ready) ## Make single files of fetch-stage0, preflight and sums that need node alone
	@$(run) ci/dev/bundle.ts
sbom: $(ready) ## Write stage0's bill of materials (CycloneDX) and its crates' licences
	@$(run) scripts/sbom.ts
release-assets: $(ready) ## Add tools, buildinfo and sbom to dist/, write SHA256SUMS and verify it
	@$(run) ci/dev/bundle.ts
	@$(run) scripts/buildinfo.ts
	@$(run) scripts/sbom.ts --built
	@$(run) scripts/sums.ts
	@$(run) scripts/sums.ts --verify
release-bundles: $(ready) ## Add the attestations of TAG to dist/, verified, and write SHA256SUMS
	@$(run) scripts/release-bundles.ts

# Through a link npm would empty the folder of another checkout.
$(modules): package.json package-lock.json
	@[ -L node_modules ] || sh scripts/modules.sh . && touch $@
$(tools): ci/tools/package.json
	@sh scripts/modules.sh ci/tools && touch $@
FORCE:

# The knobs, for `make help`. made: knobs (by `make docs`, from scripts/lib/knobs.ts)
#? TARGET
#? PROFILE=release
#? WORKSPACE
#? DIST
#? FORCE=0
#? BOOT=0
#? KERNEL_x86_64
#? KERNEL_aarch64
#? KERNEL_arm
#? FASTBOOP_STAGE0_EMBED_PATH
#? FASTBOOP_STAGE0_TARGET=aarch64-unknown-linux-musl
#? FASTBOOP_STAGE0_CARGO
#? FASTBOOP_STAGE0_TOOLCHAIN=auto
#? FASTBOOP_STAGE0_MAX_SIZE=32MiB
#? FASTBOOP_STAGE0_BOOT_EXPECT
#? FASTBOOP_STAGE0_BOOT_TIMEOUT=60
#? FASTBOOP_CLI
#? ROOTFS
#? ROOTFS_TYPE=erofs
#? REPEAT=1
#? LOAD=0
#? CONSOLE=0
#? PHONE=0
#? PHONE_FAULTS=0
#? FASTBOOP_STAGE0_PHONE_TIMEOUT=300
#? TAG
#? VERSION
#? FORMAT
#? FILE
#? OUT
#? FASTBOOP_STAGE0_TAG
#? FASTBOOP_STAGE0_REPO=samcday/fastboop
#? FASTBOOP_STAGE0_MIRROR
#? FASTBOOP_STAGE0_SHA256
#? FASTBOOP_STAGE0_TRUST=pin
#? FASTBOOP_STAGE0_SIGNER_WORKFLOW=release.yml
#? FASTBOOP_STAGE0_TRUSTED_ROOT
#? FASTBOOP_STAGE0_ACCEPT_WITHDRAWN=0
#? FASTBOOP_STAGE0_OFFLINE=0
#? FASTBOOP_STAGE0_CACHE
#? FASTBOOP_STAGE0_STALL_TIMEOUT=30
#? FAULTS=0
#? REASON
#? UNDRAFT=0
#? TOOLS=0
#? RUNTIME=node
#? DESTDIR
#? PREFIX=/usr
# made: end
