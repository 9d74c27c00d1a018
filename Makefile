# xrat: one non-recursive Makefile. `make help` lists the targets.
#
# Sources are found by wildcard of the folders below; each folder becomes build/<variant>/lib<folder>.a. Objects depend
# on the headers they include (-MMD) and on build/<variant>/flags, which changes when a compiler or flag does. The first
# line of a test, fuzz target or test program names the archives it links: /* link: merge model lib */
quiet := $(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS))))
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

VERSION := 0.1.0
VARIANT ?= release
VARIANTS := dev release asan cov fuzz
ifeq ($(filter $(VARIANT),$(VARIANTS)),)
$(error VARIANT=$(VARIANT) is unknown; allowed are $(VARIANTS))
endif

# Highest level first, which is also the order the linker needs.
FOLDERS := cli daemon service engine apply runtime compiler fetch store route links render validate merge model lib
B := build/$(VARIANT)
PREFIX ?= /usr/local
DESTDIR ?=
SECONDS ?= 60
PKG_CONFIG ?= pkg-config

ifeq ($(origin CC),default)
CC := $(if $(filter fuzz,$(VARIANT)),clang,gcc)
endif
ifeq ($(origin CXX),default)
CXX := $(if $(filter fuzz,$(VARIANT)),clang++,g++)
endif
ifeq ($(origin AR),default)
AR := ar
endif

# --- flags ---------------------------------------------------------------------------------------------------------
warn := -Wall -Wextra -Wshadow -Wpointer-arith -Wvla -Werror
warn_c := -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings
san := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
opt_dev := -Og -g3
opt_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
opt_asan := -O1 -g $(san)
opt_cov := -O0 -g --coverage -fprofile-abs-path
opt_fuzz := -O1 -g $(san) -fsanitize=fuzzer-no-link
link_release := -Wl,-z,relro -Wl,-z,now
link_asan := $(san)
link_cov := --coverage
link_fuzz := $(san)

libs_cxx := tomlplusplus re2
have := $(shell $(PKG_CONFIG) --exists $(libs_cxx) libmd 2>/dev/null && echo yes)
lib_cflags := $(if $(have),$(shell $(PKG_CONFIG) --cflags $(libs_cxx) libmd))
lib_libs := $(if $(have),$(shell $(PKG_CONFIG) --libs $(libs_cxx) libmd))
# libinotifytools has no .pc file.
pkgs_service := libuv sqlite3 libcurl libarchive yaml-0.1
have_service := $(shell $(PKG_CONFIG) --exists $(pkgs_service) 2>/dev/null && echo yes)
service_cflags := $(if $(have_service),$(shell $(PKG_CONFIG) --cflags $(pkgs_service)))
service_libs := $(if $(have_service),$(shell $(PKG_CONFIG) --libs $(pkgs_service))) -linotifytools
have_engine := $(shell $(PKG_CONFIG) --exists libcrypto 2>/dev/null && echo yes)
engine_cflags := $(if $(have_engine),$(shell $(PKG_CONFIG) --cflags libcrypto))
engine_libs := $(if $(have_engine),$(shell $(PKG_CONFIG) --libs libcrypto))
ifeq ($(and $(have),$(have_service),$(have_engine)),)
ifneq ($(filter all install deb,$(or $(MAKECMDGOALS),all)),)
$(error libraries are missing: 'make deps' installs them, 'tools/deps --list build' prints their names)
endif
endif
cmocka_libs := -lcmocka -ljansson

cppflags := -I. -D_GNU_SOURCE -DXRAT_VERSION='"$(VERSION)"' $(CPPFLAGS)
all_cflags := -std=gnu11 $(opt_$(VARIANT)) -fPIE $(warn) $(warn_c) $(cppflags) $(service_cflags) $(engine_cflags) $(CFLAGS)
all_cxxflags := -std=c++17 -fno-rtti $(opt_$(VARIANT)) -fPIE $(warn) $(cppflags) $(lib_cflags) $(CXXFLAGS)
all_ldflags := -pie -Wl,-O1 -Wl,--as-needed -Wl,--hash-style=gnu $(link_$(VARIANT)) $(LDFLAGS)

# Rewritten here, without a shell, when anything that shapes an object differs from the last run.
flags_now := $(CC) | $(CXX) | $(AR) | $(all_cflags) | $(all_cxxflags) | $(all_ldflags) | $(lib_libs) | $(service_libs) | $(engine_libs)
ifneq ($(strip $(file <$B/flags)),$(strip $(flags_now)))
$(shell mkdir -p $B)
$(file >$B/flags,$(flags_now))
endif

# V=1 shows whole command lines, make -s nothing.
say = $(if $(quiet)$(V),@:,@printf '  %-6s %s\n' '$(1)' '$(2)')
Q := $(if $(V),,@)

# --- sources -------------------------------------------------------------------------------------------------------
sources = $(wildcard $(1)/*.c) $(wildcard $(1)/*.cc)
objects = $(patsubst %,$B/obj/%.o,$(basename $(1)))
archives = $(foreach f,$(filter $(1),$(FOLDERS)),$B/lib$(f).a)
present := $(foreach f,$(FOLDERS),$(if $(call sources,$(f)),$(f)))
archives_present = $(call archives,$(filter $(1),$(present)))

unit_src := $(wildcard tests/unit/test_*.c)
fuzz_src := $(wildcard tests/fuzz/fuzz_*.c)
prog_src := $(wildcard tests/programs/*.c)
bench_src := $(filter-out bench/route.c bench/nodes.c,$(wildcard bench/*.c))
bench_linked_src := $(wildcard bench/route.c bench/nodes.c)
linked_src := $(unit_src) $(fuzz_src) $(prog_src) $(bench_linked_src)

# links_<file> = the archives its first line names; without such a line, everything.
ifneq ($(linked_src),)
$(foreach l,$(shell awk 'FNR == 1 { s = ""; if (sub(/^.*link:/, "")) { sub(/\*\/.*/, ""); for (i = 1; i <= NF; i++) \
	s = s ":" $$i } print FILENAME s; nextfile }' $(linked_src)), \
	$(eval links_$(firstword $(subst :, ,$(l))) := $(wordlist 2,99,$(subst :, ,$(l)))))
endif
links_of = $(call archives_present,$(or $(links_$(1)),$(FOLDERS)))

units := $(unit_src:tests/unit/%.c=$B/tests/%)
fuzz_replays := $(fuzz_src:tests/fuzz/%.c=$B/tests/%)
progs := $(prog_src:tests/programs/%.c=$B/tests/%)
benches := $(bench_src:bench/%.c=$B/bench/%)
benches_linked := $(bench_linked_src:bench/%.c=$B/bench/%)
fuzzers := $(fuzz_src:tests/fuzz/%.c=build/fuzz/fuzzers/%)

# The programs: xrat, and what it starts for the commands that need more libraries (cli/cmd_service.c finds it there).
ifeq ($(VARIANT),release)
program := build/xrat
service := build/libexec/xrat-service
engine := build/libexec/xrat-engine
else
program := $B/xrat
service := $B/libexec/xrat-service
engine := $B/libexec/xrat-engine
endif

# --- build ---------------------------------------------------------------------------------------------------------
.PHONY: all tests check check-fast demo lint fuzz fuzzers coverage bench bench-apply bench-daemon bench-engine bench-nodes bench-route \
	bench-programs install deb drift golden clean help generate deps
all: $(program) $(service) $(engine) $(if $(wildcard tools/gen.c),$B/gen)
	@:

$B/obj/%.o: %.c $B/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(all_cflags) -MMD -MP -c -o $@ $<

# Tests may drop results they cannot use.
$B/obj/tests/%.o: all_cflags += -Wno-unused-result

$B/obj/%.o: %.cc $B/flags
	@mkdir -p $(@D)
	$(call say,CXX,$<)
	$(Q)$(CXX) $(all_cxxflags) -MMD -MP -c -o $@ $<

# One archive a folder. Its list of members is a file of its own, so that a removed source leaves the archive too.
define archive_rule
objs_$(1) := $(filter-out $B/obj/cli/main%,$(call objects,$(call sources,$(1)))) $(if $(filter cli,$(1)),$B/obj/embedded.o)
ifneq ($$(strip $$(file <$B/lib$(1).list)),$$(strip members: $$(objs_$(1))))
$$(shell mkdir -p $B)
$$(file >$B/lib$(1).list,members: $$(objs_$(1)))
endif
$B/lib$(1).a: $$(objs_$(1)) $B/lib$(1).list
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && $$(AR) rcs $$@ $$(objs_$(1))
endef
$(foreach f,$(FOLDERS),$(eval $(call archive_rule,$(f))))

# Templates and schemas become constants of the program (cli/templates.h).
embedded := $(sort $(shell find templates schemas -type f ! -name '.*' 2>/dev/null))
ifneq ($(strip $(file <$B/embedded.list)),$(strip files: $(embedded)))
$(shell mkdir -p $B)
$(file >$B/embedded.list,files: $(embedded))
endif
$B/embed: tools/embed.c $B/flags
	$(call say,LINK,$@)
	$(Q)$(CC) $(all_cflags) $(all_ldflags) -o $@ $<
$B/embedded.c: $B/embed $(embedded) $B/embedded.list
	$(call say,EMBED,$@)
	$(Q)$B/embed $(embedded) >$@
$B/obj/embedded.o: $B/embedded.c cli/templates.h $B/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(all_cflags) -MMD -MP -c -o $@ $<

# The C++ driver links everything: two files are C++.
define link_program
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CXX) $(all_ldflags) -o $@ $(filter %.o %.a,$^) $(1) $(lib_libs)
endef

$(program): $B/obj/cli/main.o $(call archives_present,$(filter-out engine,$(FOLDERS)))
	$(call link_program)

$(service): $B/obj/cli/main_service.o $(call archives_present,$(filter-out engine,$(FOLDERS)))
	$(call link_program,$(service_libs))

# Its own table of commands stands in main_engine.c, so it links what its commands use and nothing that reads TOML.
$(engine): $B/obj/cli/main_engine.o $(call archives_present,cli engine compiler route validate merge render links model lib)
	$(call link_program,$(engine_libs))

$B/gen: $(call objects,$(wildcard tools/gen*.c)) $(call archives_present,daemon model lib)
	$(call link_program)

tests: $(units) $(fuzz_replays) $(progs)
	@:
bench-programs: $(benches) $(benches_linked)
	@:

.SECONDEXPANSION:
$(units): $B/tests/%: $B/obj/tests/unit/%.o $$(call links_of,tests/unit/%.c)
	$(call link_program,$(cmocka_libs) $(service_libs) $(engine_libs))
$(progs): $B/tests/%: $B/obj/tests/programs/%.o $$(call links_of,tests/programs/%.c)
	$(call link_program,-ljansson $(service_libs) $(engine_libs))
# The same target as a plain program that runs over the files it is given.
$(fuzz_replays): $B/tests/%: $B/obj/tests/fuzz/%.o $B/obj/tests/fuzz/replay.o $$(call links_of,tests/fuzz/%.c)
	$(call link_program,-ljansson $(service_libs) $(engine_libs))
build/fuzz/fuzzers/%: build/fuzz/obj/tests/fuzz/%.o $$(call links_of,tests/fuzz/%.c)
	$(call link_program,-fsanitize=fuzzer -ljansson $(service_libs) $(engine_libs))
fuzzers: $(fuzzers)
	@:
$(benches_linked): $B/bench/%: $B/obj/bench/%.o $$(call links_of,bench/%.c)
	$(call link_program,$(service_libs))
# Helpers of the benches stand alone: no hardening, no C++.
$(benches): $B/bench/%: bench/%.c $B/flags
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -std=gnu11 -O2 $(warn) $(warn_c) -o $@ $< -Wl,--as-needed -ljansson

# --- checks --------------------------------------------------------------------------------------------------------
check:
	@tests/run.sh all
check-fast:
	@tests/run.sh fast
golden: all
	@tests/golden/run.sh $(FILTER)
drift: all
	@tools/drift.sh $B/gen $(program)
generate: all
	@tools/drift.sh -u $B/gen $(program)
demo:
	@tools/deps --quiet build run
	@$(MAKE) -s all
	@tools/demo.sh
lint:
	@tools/deps --quiet build test lint
	@tools/lint.sh
fuzz:
	@tools/deps --quiet build test fuzz
	@$(MAKE) -s VARIANT=fuzz fuzzers
	@tests/fuzz/run.sh $(SECONDS) $(TARGETS)
coverage:
	@tools/deps --quiet build test cover
	@tests/coverage.sh
bench: all
	@$(MAKE) -s bench-programs
	@bench/bench.sh $(BENCH_ARGS)
bench-apply: all
	@bench/apply.py $(BENCH_ARGS)
bench-daemon: all
	@tools/deps --quiet test
	@bench/daemon.py $(BENCH_ARGS)
bench-engine: all
	@bench/engine.py $(BENCH_ARGS)
bench-nodes: all $(benches_linked)
	@tools/deps --quiet bench
	@bench/nodes.py $(BENCH_ARGS)
bench-route: $(program) $(benches_linked)
	@bench/route.py $(BENCH_ARGS)
deps:
	@tools/deps build run test

# --- install -------------------------------------------------------------------------------------------------------
install: all
	install -D -m 755 $(program) $(DESTDIR)$(PREFIX)/bin/xrat
	install -D -m 755 $(service) $(DESTDIR)$(PREFIX)/libexec/xrat/xrat-service
	install -D -m 755 $(engine) $(DESTDIR)$(PREFIX)/libexec/xrat/xrat-engine
	@set -e; for page in man/*.[1-8]; do [ -e "$$page" ] || continue; \
		install -D -m 644 "$$page" "$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}"; done
	@set -e; for s in schemas/*.json; do [ -e "$$s" ] || continue; \
		install -D -m 644 "$$s" "$(DESTDIR)$(PREFIX)/share/xrat/$$s"; done
	@set -e; for u in system user; do \
		install -d $(DESTDIR)$(PREFIX)/lib/systemd/$$u; \
		root=/etc/xrat; [ $$u = system ] || root=%E/xrat; \
		for unit in xrat xrat-daemon; do \
		sed "s|@BINDIR@|$(PREFIX)/bin|; s|@ROOT@|$$root|" templates/systemd/$$u/$$unit.service \
			>$(DESTDIR)$(PREFIX)/lib/systemd/$$u/$$unit.service; \
		chmod 644 $(DESTDIR)$(PREFIX)/lib/systemd/$$u/$$unit.service; done; done
	@set -e; sh tools/completions.sh $(program) "$(DESTDIR)$(PREFIX)/share"
	install -D -m 644 LICENSE $(DESTDIR)$(PREFIX)/share/doc/xrat/copyright
	install -D -m 644 README.md $(DESTDIR)$(PREFIX)/share/doc/xrat/README.md
deb: all
	@tools/deb.sh $(VERSION)
clean:
	rm -rf build

help:
	@echo 'make                build build/xrat (V=1 shows commands; VARIANT=dev|asan|cov builds build/<variant>/xrat)'
	@echo 'make check          install what the tests need, build, run all tests'
	@echo 'make check-fast     unit, golden and static gates in under a minute'
	@echo 'make demo           from an empty directory to traffic and edits under way, on this machine alone'
	@echo 'make golden         golden cases alone; FILTER=xr30 picks some (tests/golden/run.sh -u updates)'
	@echo 'make generate       rewrite schemas, starter files and docs from the tables; make drift compares them'
	@echo 'make fuzz           every fuzz target for SECONDS=60 each; TARGETS="toml json" picks some'
	@echo 'make coverage       line coverage of the tests (gcovr)'
	@echo 'make bench          speed and memory beside other programs; BENCH_ARGS="--store" keeps the result'
	@echo 'make bench-apply    from an edit to a running engine, for 10 and 10,000 rules, beside doing it by hand'
	@echo 'make bench-daemon   how soon the daemon answers while it connects, tests and rotates'
	@echo 'make bench-engine   the engine beside other proxies, in a network namespace; BENCH_ARGS="--rows down1,idle --quick"'
	@echo 'make bench-nodes    import and list of 10,000 nodes beside the sqlite3 shell'
	@echo 'make bench-route    routing questions a second with 10, 1,000 and 100,000 rules'
	@echo 'make lint           clang-tidy, cppcheck, shellcheck'
	@echo 'make install        DESTDIR= PREFIX=/usr/local'
	@echo 'make deb            build/xrat_$(VERSION)_<arch>.deb'
	@echo 'make clean          remove build/'

deps_of = $(wildcard $B/obj/*.d $B/obj/*/*.d $B/obj/*/*/*.d)
-include $(deps_of)
