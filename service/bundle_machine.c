/* What programs and the machine say: check, diff and status of the xrat beside this program, versions, listeners. */
#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <uv.h>

#include "runtime/runtime.h"
#include "service/bundle_impl.h"

enum { XRAT_MS = 60 * 1000, ENGINE_MS = 5 * 1000 };

/* --- xrat --------------------------------------------------------------------------------------------------------- */
/* From the directory of this program: the build tree, then PREFIX/libexec/xrat. */
static const char *const places[] = { "../xrat", "../../bin/xrat" };

static bool is_program(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

static const char *find_xrat(struct bundle *b)
{
	char self[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (b->o->xrat)
		return b->o->xrat;
	if (n <= 0)
		return NULL;
	self[n] = 0;
	slash = strrchr(self, '/');
	*slash = 0;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		const char *path = arena_printf(b->a, "%s/%s", self, places[i]);

		if (is_program(path))
			return path;
	}
	return NULL;
}

static void put_output(struct bundle *b, const char *name, const struct bundle_run *run)
{
	struct value ran = value_object(SPAN_NONE);
	struct str out = { 0 };
	int code = 0, r = bundle_run(b->a, run, &out, &code);

	if (r == -ENOMEM)
		arena_fail(b->a);
	if (r == -ETIMEDOUT)
		bundle_problem(b, name, "it did not end within %u s", run->timeout_ms / 1000);
	else if (r)
		bundle_problem(b, name, "'%s' cannot be run: %s", run->argv[0], strerror(-r));
	if (r && r != -ETIMEDOUT)
		return;
	bundle_put(b, name, out, MASK_TEXT, out.len >= BUNDLE_LOG_MAX ? "the first MiB" : NULL);
	value_put_str(b->a, &ran, "name", name);
	value_put_int(b->a, &ran, "exit", code);
	value_push(b->a, &b->ran, ran);
}

void bundle_gather_outputs(struct bundle *b, enum role role)
{
	static const char *const commands[] = { "check", "diff", "status" };
	static const struct {
		const char *format, *suffix;
	} forms[] = { { "text", "txt" }, { "json", "json" } };
	const char *xrat = find_xrat(b);

	if (!xrat) {
		bundle_problem(b, "check", "the program xrat is not beside this one; nothing was asked of it");
		return;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		for (size_t k = 0; k < sizeof(forms) / sizeof(*forms); k++) {
			const struct bundle_run run = {
				.argv = { xrat, "--root", b->o->root, "--role", role_names[role], "--format",
					  forms[k].format, "--color", "never", commands[i], NULL },
				.timeout_ms = XRAT_MS,
			};

			bundle_progress(b, commands[i]);
			put_output(b, arena_printf(b->a, "%s/%s.%s", role_names[role], commands[i], forms[k].suffix),
				   &run);
		}
}

/* --- versions ----------------------------------------------------------------------------------------------------- */
static const char *distribution(struct bundle *b)
{
	struct str text, line;

	if (file_read(b->a, AT_FDCWD, "/etc/os-release", 64 * 1024, &text, NULL))
		return "";
	while (text.len) {
		line = str_cut(&text, '\n');
		if (!str_starts(line, "PRETTY_NAME="))
			continue;
		line = str_skip(line, sizeof("PRETTY_NAME=") - 1);
		if (line.len > 1 && *line.p == '"')
			line = (struct str){ line.p + 1, line.len - 2 };
		return arena_memdup(b->a, line.p, line.len);
	}
	return "";
}

/* Where the configuration does not tell: what a machine has. */
static void find_engine(struct bundle *b)
{
	for (size_t i = 0; !b->engine && i < targets_n; i++)
		if (targets[i].family != ENGINE_BUILTIN)
			b->engine = engine_find(b->a, &targets[i], NULL);
}

static const char *version_word(const char *engine)
{
	const char *name = strrchr(engine, '/');

	return name && str_is(str_of(name), "/xrat-engine") ? "version" : "-version";
}

/* Xray and V2Ray know -version, whatever their newer command is called; nothing else is given to them, so that nothing
 * can start. */
static void put_engine_version(struct bundle *b)
{
	static const char *const env[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", NULL };
	const struct bundle_run run = { .argv = { b->engine, b->engine ? version_word(b->engine) : NULL, NULL }, .env = env, .timeout_ms = ENGINE_MS };

	if (b->engine)
		put_output(b, "engine-version.txt", &run);
	else
		bundle_problem(b, "engine-version.txt", "no engine was found on PATH or in [paths]");
}

static void put_versions(struct bundle *b)
{
	struct value v = value_object(SPAN_NONE);
	struct utsname u;

	value_put_str(b->a, &v, "xrat", XRAT_VERSION);
	value_put_str(b->a, &v, "libuv", uv_version_string());
	value_put_str(b->a, &v, "libarchive", archive_version_string());
	value_put_str(b->a, &v, "zlib", archive_zlib_version());
	value_put_str(b->a, &v, "libc", gnu_get_libc_version());
	value_put_str(b->a, &v, "compiler", __VERSION__);
	if (!uname(&u)) {
		value_put_str(b->a, &v, "kernel", arena_printf(b->a, "%s %s %s", u.sysname, u.release, u.version));
		value_put_str(b->a, &v, "machine", arena_strdup(b->a, u.machine));
	}
	value_put_str(b->a, &v, "distribution", distribution(b));
	value_put_int(b->a, &v, "uid", (int64_t)geteuid());
	value_put_str(b->a, &v, "engine", b->engine ? b->engine : "");
	bundle_put_json(b, "versions.json", &v);
}

/* --- listeners ---------------------------------------------------------------------------------------------------- */
static int compare(const void *left, const void *right)
{
	const struct listener *a = left, *b = right;
	int c = strcmp(a->address, b->address);

	return c ? c : (a->port > b->port) - (a->port < b->port);
}

static void put_listeners(struct bundle *b)
{
	struct value all = value_array(SPAN_NONE);
	struct listener *v = NULL;
	size_t n = 0;
	int r = process_listeners(b->a, &v, &n);

	if (r) {
		bundle_problem(b, "listeners.json", "they cannot be listed: %s", strerror(-r));
		return;
	}
	if (n)
		qsort(v, n, sizeof(*v), compare);
	for (size_t i = 0; i < n; i++) {
		struct value one = value_object(SPAN_NONE);

		value_put_str(b->a, &one, "address", v[i].address);
		value_put_int(b->a, &one, "port", v[i].port);
		value_push(b->a, &all, one);
	}
	bundle_put_json(b, "listeners.json", &all);
}

void bundle_gather_machine(struct bundle *b)
{
	bundle_progress(b, "versions");
	find_engine(b);
	put_versions(b);
	put_engine_version(b);
	put_listeners(b);
}
