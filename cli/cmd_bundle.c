/* debug bundle: one support archive for each role. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "service/service.h"

static void show_progress(void *ctx, const char *what)
{
	struct buf out = { 0 };

	(void)ctx;
	buf_printf(&out, "\r\033[Kbundle: %s", what);
	out_buf(STDERR_FILENO, &out);
}

static bool wants_progress(const struct invocation *inv)
{
	return inv->format == FORMAT_TEXT && !inv->quiet && isatty(STDERR_FILENO);
}

/* EXIT_DONE: go on. */
static int ask(struct arena *a, const struct invocation *inv)
{
	static const char question[] = "The archive will hold every secret of this configuration in clear text. "
				       "Write it? [y/N] ";
	char answer[16];
	ssize_t n;

	if (!inv->with_secrets || inv->yes)
		return EXIT_DONE;
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return out_fail(a, inv, EXIT_USAGE, NULL,
				"--with-secrets asks first, and there is no terminal to ask on; add --yes");
	out_write(STDERR_FILENO, str_of(question));
	n = read(STDIN_FILENO, answer, sizeof(answer));
	if (n > 0 && (*answer == 'y' || *answer == 'Y'))
		return EXIT_DONE;
	return out_fail(a, inv, EXIT_USAGE, NULL, "nothing was written; without --with-secrets every secret is masked");
}

/* FILE-client.zip for FILE.zip. */
static const char *name_for(struct arena *a, const char *path, enum role role)
{
	struct str s = str_of(path);
	size_t cut = str_ends_nocase(s, ".zip") ? s.len - 4 : s.len;

	return arena_printf(a, "%.*s-%s%s", (int)cut, path, role_names[role], path + cut);
}

/* What the root has; a root that cannot be opened is the only thing an archive cannot be made of. */
static int find_roles(struct arena *a, const struct invocation *inv, const char *root, unsigned *ret_roles)
{
	struct err e = { 0 };
	int fd = dir_open(root, &e), found, r = EXIT_DONE;

	if (fd == -ENOENT)
		r = out_fail(a, inv, EXIT_CONFIG, NULL, "'%s' does not exist; 'xrat --root %s init' makes a starter", root,
			     root);
	else if (fd < 0)
		r = out_fail(a, inv, EXIT_SYSTEM, NULL, "%s", err_text(&e));
	err_fini(&e);
	if (fd < 0)
		return r;
	found = load_roles(fd, NULL);
	close(fd);
	*ret_roles = found > 0 ? (unsigned)found : 0;
	if (inv->role != ROLE_AUTO)
		*ret_roles = 1u << inv->role;
	return EXIT_DONE;
}

/* --- one archive -------------------------------------------------------------------------------------------------- */
static int print_text(struct arena *a, const struct invocation *inv, const char *path, const struct bundle_result *b)
{
	struct buf out = { 0 };
	int r;

	buf_printf(&out, "%s: %zu files, ", path, b->n);
	if (inv->with_secrets)
		buf_puts(&out, "secrets in clear text\n");
	else
		buf_printf(&out, "%u secret%s masked\n", b->secrets, b->secrets == 1 ? "" : "s");
	for (uint32_t i = 0; i < b->problems.n; i++) {
		struct str name = value_get_str(&b->problems.items[i], "name");
		struct str reason = value_get_str(&b->problems.items[i], "reason");

		buf_printf(&out, "  problem: %.*s: %.*s\n", (int)name.len, name.p, (int)reason.len, reason.p);
	}
	r = out_buf(file_out_fd(path) == STDOUT_FILENO ? STDERR_FILENO : STDOUT_FILENO, &out); /* not behind the archive */
	return r ? out_fail(a, inv, EXIT_SYSTEM, NULL, "write to stdout: %s", strerror(-r)) : EXIT_DONE;
}

static struct value describe(struct arena *a, const struct invocation *inv, const char *path, int role,
			     const struct bundle_result *b)
{
	struct value v = value_object(SPAN_NONE), files = value_array(SPAN_NONE);

	for (size_t i = 0; i < b->n; i++)
		value_push(a, &files, value_string(b->names[i], SPAN_NONE));
	value_put_str(a, &v, "path", path);
	if (role >= 0)
		value_put_str(a, &v, "role", role_names[role]);
	value_put(a, &v, "files", files);
	value_put_bool(a, &v, "masked", !inv->with_secrets);
	value_put_int(a, &v, "masked_values", b->secrets);
	value_put(a, &v, "problems", b->problems);
	return v;
}

static int write_one(struct arena *a, const struct invocation *inv, const char *root, const char *path, int role,
		     struct value *list)
{
	struct bundle_options o = { .root = root, .roles = role < 0 ? 0 : 1u << role, .with_secrets = inv->with_secrets,
				    .progress = wants_progress(inv) ? show_progress : NULL };
	struct bundle_result result;
	struct err e = { 0 };
	int r = bundle_write(a, path, &o, &result, &e);

	if (o.progress)
		out_write(STDERR_FILENO, STR("\r\033[K"));
	if (r) {
		r = out_fail(a, inv, EXIT_SYSTEM, NULL, "%s", err_text(&e));
		err_fini(&e);
		return r;
	}
	value_push(a, list, describe(a, inv, path, role, &result));
	return inv->format == FORMAT_TEXT ? print_text(a, inv, path, &result) : EXIT_DONE;
}

static int write_all(struct arena *a, const struct invocation *inv, const char *root, unsigned roles)
{
	struct value result = value_object(SPAN_NONE), list = value_array(SPAN_NONE);
	bool both = roles == (1u << ROLE_CLIENT | 1u << ROLE_SERVER);
	int r = roles ? EXIT_DONE : write_one(a, inv, root, inv->output, -1, &list);

	for (int role = 0; role < ROLE__N && !(r && inv->format == FORMAT_JSON); role++) {
		const char *path = both ? name_for(a, inv->output, (enum role)role) : inv->output;
		int one = roles & 1u << role ? write_one(a, inv, root, path, role, &list) : EXIT_DONE;

		r = one > r ? one : r;
	}
	if (r || inv->format == FORMAT_TEXT)
		return r;
	value_put(a, &result, "bundles", list);
	return out_result(a, inv, result);
}

int cmd_bundle(struct arena *a, const struct invocation *inv)
{
	const char *root = inv->root ? inv->root : default_root(a);
	unsigned roles = 0;
	int r;

	if (!str_is(str_of(inv->operands[0]), "bundle"))
		return out_fail(a, inv, EXIT_USAGE, NULL, "debug knows 'bundle' only, not '%s'", inv->operands[0]);
	if (!inv->output)
		return out_fail(a, inv, EXIT_USAGE, NULL, "debug bundle needs --output FILE.zip");
	r = find_roles(a, inv, root, &roles);
	if (!r)
		r = ask(a, inv);
	return r ? r : write_all(a, inv, root, roles);
}
