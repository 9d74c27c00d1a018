/* init: a starter tree that checks clean. It creates what is missing and overwrites nothing. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/templates.h"

enum { STDIN_LINK_MAX_BYTES = 64 * 1024 };

struct init {
	struct arena *arena;
	const struct invocation *inv;
	const char *root;
	int root_fd;
	enum role role;
	struct str link; /* empty without --from */
	struct value created, kept;
	struct err err;
};

/* Creates every missing directory of path; those it makes get 0700. */
static int make_path(struct init *in, const char *path)
{
	char *copy = arena_strdup(in->arena, path);

	for (char *p = copy + 1;; p++) {
		bool last = !*p;

		if (*p != '/' && !last)
			continue;
		*p = '\0';
		if (mkdir(copy, 0700) && errno != EEXIST)
			return err_sys(&in->err, -errno, "create directory '%s'", copy);
		if (last)
			return 0;
		*p = '/';
	}
}

static int make_dir(struct init *in, const char *name)
{
	if (mkdirat(in->root_fd, name, 0700) && errno != EEXIST)
		return err_sys(&in->err, -errno, "create directory '%s/%s'", in->root, name);
	return 0;
}

static int make_file(struct init *in, const char *name, struct str bytes)
{
	int r = file_create(in->root_fd, name, bytes, 0600, &in->err);

	if (r && r != -EEXIST)
		return r;
	if (r)
		err_fini(&in->err);
	value_push(in->arena, r ? &in->kept : &in->created, value_string(name, SPAN_NONE));
	return 0;
}

static void put_toml_string(struct buf *out, struct str s)
{
	buf_putc(out, '"');
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_putc(out, '\\');
		buf_putc(out, s.p[i]);
	}
	buf_putc(out, '"');
}

/* The starter with the link as its endpoint. Without an endpoint the starter says allow_direct, which goes now. */
static int make_linked_toml(struct init *in, const char *name, struct str starter)
{
	struct buf out = { 0 };
	int r;

	while (starter.p) {
		struct str line = str_cut(&starter, '\n');

		if (!starter.p && !line.len)
			break;
		buf_printf(&out, "%s%.*s\n", str_starts(line, "allow_direct = true") ? "# " : "", (int)line.len,
			   line.p);
	}
	buf_puts(&out, "\n[[client.endpoints]]\nlink = ");
	put_toml_string(&out, in->link);
	buf_putc(&out, '\n');
	r = out.failed ? err_sys(&in->err, -ENOMEM, "write '%s'", name) :
			 make_file(in, name, (struct str){ out.p, out.len });
	buf_fini(&out);
	return r;
}

/* Where a template goes for this role; NULL when it belongs to the other one. */
static const char *place_of(struct init *in, const char *path)
{
	const char *extensions = arena_printf(in->arena, "extensions/config-%s/", role_names[in->role]);
	const char *toml = arena_printf(in->arena, "xp2p-%s.toml", role_names[in->role]);
	struct str p = str_of(path);

	if (str_starts(p, extensions))
		return path + sizeof("extensions/") - 1;
	return str_is(p, toml) || str_is(p, "config.toml") ? path : NULL;
}

static int make_tree(struct init *in)
{
	int r = make_dir(in, arena_printf(in->arena, "config-%s", role_names[in->role]));

	for (size_t i = 0; !r && i < template_files_n; i++) {
		const char *name = place_of(in, template_files[i].path);
		struct str bytes = { template_files[i].bytes, template_files[i].len };

		if (!name)
			continue;
		r = in->link.len && str_starts(str_of(name), "xp2p-") ? make_linked_toml(in, name, bytes) :
									make_file(in, name, bytes);
	}
	return r;
}

/* A link on the command line is seen by every process list, so stdin is offered too. */
static int read_link(struct init *in)
{
	char *text = arena_alloc(in->arena, STDIN_LINK_MAX_BYTES);
	size_t len = 0;
	ssize_t n;

	in->link = str_trim(str_of(in->inv->from));
	if (!str_is(in->link, "-"))
		return 0;
	while (len < STDIN_LINK_MAX_BYTES && (n = read(STDIN_FILENO, text + len, STDIN_LINK_MAX_BYTES - len)) != 0) {
		if (n < 0 && errno != EINTR)
			return err_sys(&in->err, -errno, "read the link from stdin");
		len += n > 0 ? (size_t)n : 0;
	}
	in->link = str_trim((struct str){ text, len });
	return 0;
}

/* The link must be one that check will accept; its faults are told now, before a file exists. */
static int check_link(struct init *in)
{
	struct sources *sources = sources_new(in->arena);
	struct diag_sink *sink = diag_sink_new(in->arena, sources);
	struct span at = { sources_add(sources, "--from", "", 0), 0, 0 };
	struct node node = { 0 };

	if (memchr(in->link.p, '\n', in->link.len))
		return out_fail(in->arena, in->inv, EXIT_USAGE, NULL, "--from takes one link, not several");
	if (in->link.len && !link_parse(in->arena, sink, in->link, at, &node))
		return EXIT_DONE;
	diag_finish(sink, false);
	out_diags(in->inv, sink);
	return out_fail(in->arena, in->inv, EXIT_CONFIG, sink,
			"the link cannot become an endpoint; nothing was written");
}

static int report(struct init *in)
{
	struct value result = value_object(SPAN_NONE);

	if (in->inv->format == FORMAT_JSON) {
		value_put_str(in->arena, &result, "root", in->root);
		value_put(in->arena, &result, "created", in->created);
		value_put(in->arena, &result, "kept", in->kept);
		return out_result(in->arena, in->inv, result);
	}
	for (unsigned i = 0; i < in->created.n; i++) {
		char *line = arena_printf(in->arena, "created %s/%s\n", in->root, in->created.items[i].text);

		out_write(STDOUT_FILENO, str_of(line));
	}
	for (unsigned i = 0; i < in->kept.n; i++) {
		char *line = arena_printf(in->arena, "kept %s/%s\n", in->root, in->kept.items[i].text);

		out_write(STDOUT_FILENO, str_of(line));
	}
	return EXIT_DONE;
}

static int write_tree(struct init *in)
{
	int r = make_path(in, in->root);

	if (!r) {
		in->root_fd = dir_open(in->root, &in->err);
		r = in->root_fd < 0 ? in->root_fd : make_tree(in);
	}
	if (in->root_fd >= 0)
		close(in->root_fd);
	return r;
}

/* A tree that has the role's TOML already keeps it, so a link would go nowhere: say so instead. */
static bool has_toml(struct init *in)
{
	const char *path = arena_printf(in->arena, "%s/xp2p-%s.toml", in->root, role_names[in->role]);

	return !access(path, F_OK);
}

int cmd_init(struct arena *a, const struct invocation *inv)
{
	struct init in = {
		.arena = a,
		.inv = inv,
		.root = inv->root ? inv->root : default_root(a),
		.root_fd = -1,
		.role = inv->role == ROLE_SERVER ? ROLE_SERVER : ROLE_CLIENT,
		.created = value_array(SPAN_NONE),
		.kept = value_array(SPAN_NONE),
	};
	int r;

	if (inv->from && in.role == ROLE_SERVER)
		return out_fail(a, inv, EXIT_USAGE, NULL, "--from makes an endpoint, which only a client has");
	if (inv->from && has_toml(&in))
		return out_fail(a, inv, EXIT_CONFIG, NULL,
				"'%s/xp2p-client.toml' exists and is never overwritten; add the link there under "
				"[[client.endpoints]]",
				in.root);
	r = inv->from ? read_link(&in) : 0;
	if (!r && inv->from) {
		r = check_link(&in);
		if (r)
			return r;
	}
	if (!r)
		r = write_tree(&in);
	if (!r)
		return report(&in);
	r = out_fail(a, inv, EXIT_SYSTEM, NULL, "%s", err_text(&in.err));
	err_fini(&in.err);
	return r;
}
