/* daemon install, daemon uninstall: the unit of templates/systemd with this program and this root in it. */
#include "cli/cmd_unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/ask_daemon.h"
#include "cli/templates.h"

#define UNIT "xrat-daemon.service"

struct place {
	bool is_user;
	const char *dir, *path;
	const char *bin, *root; /* as the unit has them */
	bool is_default_root;
};

/* --- where --- */
/* The xrat that starts this program: beside libexec/ in the build tree, or PREFIX/bin. */
static const char *find_bin(struct arena *a)
{
	static const char *const places[] = { "..", "../../bin" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash = NULL;

	if (n > 0) {
		self[n] = 0;
		slash = strrchr(self, '/');
	}
	if (!slash)
		return NULL;
	*slash = 0;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		char *real = realpath(arena_printf(a, "%s/%s/xrat", self, places[i]), NULL);
		const char *dir = real ? arena_strdup(a, real) : NULL;

		free(real);
		if (dir)
			return arena_memdup(a, dir, strlen(dir) - strlen("/xrat"));
	}
	return NULL;
}

/* %% for systemd, and quotes where there is a space. */
static const char *escaped(struct arena *a, const char *path)
{
	struct buf b = { 0 };
	const char *text;
	bool quote = strpbrk(path, " \t\"'\\$;") != NULL;

	buf_puts(&b, quote ? "\"" : "");
	for (; *path; path++) {
		if (strchr("\"\\", *path))
			buf_putc(&b, '\\');
		if (strchr("%$", *path))
			buf_putc(&b, *path);
		buf_putc(&b, *path);
	}
	buf_puts(&b, quote ? "\"" : "");
	text = arena_memdup(a, b.p ? b.p : "", b.len);
	buf_fini(&b);
	return text;
}

static const char *config_home(struct arena *a)
{
	const char *set = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	return set && *set ? set : arena_printf(a, "%s/.config", home ? home : "");
}

static int find_place(struct arena *a, const struct invocation *inv, struct place *ret_place)
{
	bool is_user = inv->is_user || (!inv->is_system && geteuid());
	const char *bin = find_bin(a), *given = ask_root(a, inv), *usual;
	char *real = realpath(given, NULL);
	struct place p = { .is_user = is_user };

	if (inv->is_user && inv->is_system) {
		free(real);
		return out_fail(a, inv, EXIT_USAGE, NULL, "--user and --system exclude each other");
	}
	if (!bin) {
		free(real);
		return out_fail(a, inv, EXIT_SYSTEM, NULL, "the program xrat is not found beside this one");
	}
	usual = is_user ? arena_printf(a, "%s/xrat", config_home(a)) : "/etc/xrat";
	p.dir = is_user ? arena_printf(a, "%s/systemd/user", config_home(a)) : "/etc/systemd/system";
	p.path = arena_printf(a, "%s/" UNIT, p.dir);
	p.bin = escaped(a, bin);
	p.is_default_root = str_is(str_of(given), usual) && !inv->root;
	p.root = p.is_default_root ? is_user ? "%E/xrat" : usual : escaped(a, real ? arena_strdup(a, real) : given);
	free(real);
	*ret_place = p;
	return EXIT_DONE;
}

/* --- what --- */
static void add_line(struct buf *out, struct str line, const struct place *p)
{
	static const char *const homes[] = { "/home/", "/root", "/run/user/" };
	struct str rest = line;
	bool in_home = false;

	for (size_t i = 0; i < sizeof(homes) / sizeof(*homes); i++)
		in_home |= str_starts(str_of(p->root), homes[i]);
	if (!p->is_default_root && str_starts(line, "ConfigurationDirectory"))
		return;
	if (in_home && str_is(line, "ProtectHome=yes"))
		rest = STR("ProtectHome=read-only");
	while (rest.len) {
		bool bin = str_starts(rest, "@BINDIR@"), root = str_starts(rest, "@ROOT@");

		if (bin || root) {
			buf_puts(out, bin ? p->bin : p->root);
			rest = str_skip(rest, bin ? strlen("@BINDIR@") : strlen("@ROOT@"));
		} else {
			buf_putc(out, *rest.p);
			rest = str_skip(rest, 1);
		}
	}
	buf_putc(out, '\n');
}

static void make_unit(const struct place *p, struct buf *out)
{
	const char *name = p->is_user ? "systemd/user/" UNIT : "systemd/system/" UNIT;

	for (size_t i = 0; i < template_files_n; i++) {
		struct str text = { template_files[i].bytes, template_files[i].len };

		if (!str_is(str_of(template_files[i].path), name))
			continue;
		while (text.len)
			add_line(out, str_cut(&text, '\n'), p);
	}
}

/* --- systemctl --- */
static int run(const char *const *argv)
{
	extern char **environ;
	int status;
	pid_t pid;
	int r = posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ);

	if (r)
		return -r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

static int systemctl(const struct place *p, const char *verb, const char *option, const char *unit)
{
	const char *argv[6] = { "systemctl" };
	size_t n = 1;

	if (p->is_user)
		argv[n++] = "--user";
	argv[n++] = verb;
	if (option)
		argv[n++] = option;
	argv[n] = unit;
	return run(argv);
}

/* 0, or what is to be done by hand. */
static const char *tell_systemd(struct arena *a, const struct place *p, bool start)
{
	const char *user = p->is_user ? " --user" : "";

	if (systemctl(p, "daemon-reload", NULL, NULL))
		return arena_printf(a, "systemd could not be asked; say 'systemctl%s daemon-reload' and 'systemctl%s enable --now "
				    "xrat-daemon' where it runs", user, user);
	if (systemctl(p, "enable", start ? "--now" : NULL, UNIT))
		return arena_printf(a, "'systemctl%s enable%s xrat-daemon' failed", user, start ? " --now" : "");
	return NULL;
}

/* --- the commands --- */
static int make_dirs(const char *path)
{
	char *copy = strdup(path);
	int r = copy ? 0 : -ENOMEM;

	for (char *at = copy ? copy + 1 : NULL; at && !r; at = at ? at + 1 : NULL) {
		at = strchr(at, '/');
		if (at)
			*at = 0;
		if (mkdir(copy, 0755) && errno != EEXIST)
			r = -errno;
		if (at)
			*at = '/';
	}
	free(copy);
	return r;
}

static int show(struct arena *a, const struct invocation *inv, const struct place *p, const char *done, const char *note)
{
	struct value v = value_object(SPAN_NONE);
	struct buf out = { 0 };

	value_put_str(a, &v, "unit", UNIT);
	value_put_str(a, &v, "path", p->path);
	value_put_str(a, &v, "outcome", done);
	value_put(a, &v, "note", note ? value_string(note, SPAN_NONE) : value_null(SPAN_NONE));
	buf_printf(&out, "%s: %s\n", p->path, done);
	if (note && inv->format == FORMAT_TEXT)
		out_write(STDERR_FILENO, str_of(arena_printf(a, "xrat: %s\n", note)));
	return ask_show(a, inv, v, &out);
}

static int write_unit(struct arena *a, const struct invocation *inv, const struct place *p, struct str text)
{
	struct err e = { 0 };
	int r = make_dirs(p->dir);

	if (r)
		err_sys(&e, r, "make directory '%s'", p->dir);
	else
		r = file_write_atomic(AT_FDCWD, p->path, text, 0644, &e);
	if (r)
		r = out_fail(a, inv, EXIT_SYSTEM, NULL, "%s", err_text(&e));
	err_fini(&e);
	return r;
}

int unit_install(struct arena *a, const struct invocation *inv)
{
	struct place p = { 0 };
	struct buf text = { 0 };
	const char *note;
	int r = find_place(a, inv, &p);

	if (r || !p.path)
		return r;
	make_unit(&p, &text);
	if (inv->dry_run && inv->format == FORMAT_TEXT) {
		out_write(STDOUT_FILENO, str_of(arena_printf(a, "# %s\n", p.path)));
		return out_buf(STDOUT_FILENO, &text) ? EXIT_SYSTEM : EXIT_DONE;
	}
	if (!inv->dry_run && !p.is_default_root)
		mkdir(ask_root(a, inv), 0700); /* the unit may write to it only when it is there */
	r = inv->dry_run ? 0 : write_unit(a, inv, &p, (struct str){ text.p, text.len });
	buf_fini(&text);
	if (r)
		return r;
	note = inv->dry_run ? NULL : tell_systemd(a, &p, inv->start);
	if (note && inv->start)
		return out_fail(a, inv, EXIT_SYSTEM, NULL, "'%s' is written, but %s", p.path, note);
	return show(a, inv, &p, inv->dry_run ? "would be written" : "written", note);
}

int unit_uninstall(struct arena *a, const struct invocation *inv)
{
	struct place p = { 0 };
	struct stat st;
	const char *note = NULL;
	int r = find_place(a, inv, &p);

	if (r || !p.path)
		return r;
	if (lstat(p.path, &st))
		return out_fail(a, inv, EXIT_NOT_FOUND, NULL, "'%s' is not there", p.path);
	if (inv->dry_run)
		return show(a, inv, &p, "would be removed", NULL);
	if (systemctl(&p, "disable", "--now", UNIT))
		note = "systemd could not be asked to stop it";
	if (unlink(p.path) && errno != ENOENT)
		return out_fail(a, inv, EXIT_SYSTEM, NULL, "remove '%s': %s", p.path, strerror(errno));
	systemctl(&p, "daemon-reload", NULL, NULL);
	return show(a, inv, &p, "removed", note);
}
