/* The database of a CONFIG_ROOT for the length of a command. */
#include "cli/nodes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *nodes_absolute(struct arena *a, const char *path)
{
	char *here;
	const char *r;

	if (path[0] == '/')
		return arena_strdup(a, path);
	here = getcwd(NULL, 0);
	if (!here)
		return NULL;
	r = arena_printf(a, "%s/%s", here, path);
	free(here);
	return r;
}

/* --- opening --- */
static const struct { int code; enum exit_code exit; } exits[] = {
	{ -EBUSY, EXIT_BUSY }, { -ENOENT, EXIT_SYSTEM },
};

int nodes_fail(const struct nodes_base *nb, struct err *e)
{
	enum exit_code code = EXIT_SYSTEM;
	int r;

	for (size_t i = 0; i < sizeof(exits) / sizeof(*exits); i++)
		if (exits[i].code == e->code)
			code = exits[i].exit;
	r = out_fail(nb->a, nb->inv, code, NULL, "%s", err_text(e));
	err_fini(e);
	return r;
}

/* Every directory of path that is missing; what it makes gets 0700. */
static int make_path(struct nodes_base *nb, struct err *e)
{
	char *copy = arena_strdup(nb->a, nb->root);

	for (char *p = copy + 1;; p++) {
		char was = *p;

		if (was && was != '/')
			continue;
		*p = 0;
		if (mkdir(copy, 0700) && errno != EEXIST)
			return err_sys(e, -errno, "make directory '%s'", copy);
		if (!was)
			return 0;
		*p = was;
	}
}

static int read_config(struct nodes_base *nb)
{
	struct diag_sink *sink = diag_sink_new(nb->a, sources_new(nb->a));
	struct err e = { 0 };

	nb->config = arena_new_of(nb->a, struct compiled);
	if (compile_config(nb->a, sink, nb->root_fd, nb->root, nb->config, &e))
		return nodes_fail(nb, &e);
	diag_finish(sink, false);
	if (out_diags(nb->inv, sink))
		return EXIT_SYSTEM;
	if (!diag_count(sink, SEV_ERROR))
		return EXIT_DONE;
	return nb->inv->format == FORMAT_JSON ? out_fail_all(nb->a, nb->inv, EXIT_CONFIG, sink, NULL) : EXIT_CONFIG;
}

static int begin(struct arena *a, const struct invocation *inv, struct nodes_base *nb)
{
	*nb = (struct nodes_base){ .a = a, .inv = inv, .root_fd = -1 };
	nb->root = nodes_absolute(a, inv->root ? inv->root : default_root(a));
	if (nb->root)
		return EXIT_DONE;
	return out_fail(a, inv, EXIT_SYSTEM, NULL, "the working directory is gone; give --root as an absolute path");
}

static int open_store(struct nodes_base *nb, unsigned flags)
{
	const struct store_options o = { .flags = flags };
	struct err e = { 0 };
	int r = store_open(nb->root_fd, nb->config->config.database.path.s, &o, &nb->s, &e);

	return r < 0 ? nodes_fail(nb, &e) : EXIT_DONE;
}

int nodes_look(struct arena *a, const struct invocation *inv, struct nodes_base *ret_nb)
{
	struct err e = { 0 };
	int r = begin(a, inv, ret_nb);

	if (r)
		return r;
	ret_nb->root_fd = dir_open(ret_nb->root, &e);
	if (ret_nb->root_fd == -ENOENT) {
		err_fini(&e);
		return EXIT_DONE; /* a root that nobody made has no nodes */
	}
	if (ret_nb->root_fd < 0)
		return nodes_fail(ret_nb, &e);
	r = read_config(ret_nb);
	return r ? r : open_store(ret_nb, STORE_NO_CREATE);
}

int nodes_change(struct arena *a, const struct invocation *inv, struct nodes_base *ret_nb)
{
	struct err e = { 0 };
	int r = begin(a, inv, ret_nb);

	if (r)
		return r;
	if (make_path(ret_nb, &e))
		return nodes_fail(ret_nb, &e);
	ret_nb->root_fd = dir_open(ret_nb->root, &e);
	if (ret_nb->root_fd < 0)
		return nodes_fail(ret_nb, &e);
	r = read_config(ret_nb);
	return r ? r : open_store(ret_nb, 0);
}

void nodes_close(struct nodes_base *nb)
{
	store_close(nb->s);
	if (nb->root_fd >= 0)
		close(nb->root_fd);
	nb->s = NULL;
	nb->root_fd = -1;
}

/* --- looking up --- */
typedef int find_fn(struct store *s, const char *text, int64_t *ret_id, struct err *e);

/* A few digits mean a number, whether that node is there or not: `remove 7` shall never hit the one whose ref begins with a 7. */
static bool is_number_alone(const char *text)
{
	int64_t n;

	return strlen(text) < DIGITS_OF_REF && !str_int(str_of(text), &n);
}

static int try_find(const struct nodes_base *nb, find_fn *find, const char *text, int64_t *ret_id, struct err *e)
{
	int r = nb->s ? find(nb->s, text, ret_id, e) : STORE_MISSING;

	if (r >= 0 && is_number_alone(text) && (r || !str_is(str_of(text), arena_printf(nb->a, "%lld", (long long)*ret_id))))
		r = STORE_MISSING;
	return r;
}

bool nodes_is_sub_alone(const struct nodes_base *nb, const char *text)
{
	struct err ignored = { 0 };
	int64_t id;
	bool is_sub = try_find(nb, store_node_find, text, &id, &ignored) == STORE_MISSING &&
		      !try_find(nb, store_sub_find, text, &id, &ignored);

	err_fini(&ignored);
	return is_sub;
}

static int find_with(const struct nodes_base *nb, find_fn *find, const char *noun, const char *text, int64_t *ret_id)
{
	struct err e = { 0 };
	int r = try_find(nb, find, text, ret_id, &e);

	if (r < 0)
		return nodes_fail(nb, &e);
	if (r == STORE_AMBIGUOUS)
		return out_fail(nb->a, nb->inv, EXIT_USAGE, NULL, "more than one %s has a ref that begins with '%s'; give more of it",
				noun, text);
	if (r)
		return out_fail(nb->a, nb->inv, EXIT_NOT_FOUND, NULL, "there is no %s '%s'; 'xrat list %ss' shows them", noun, text,
				noun);
	return EXIT_DONE;
}

int nodes_find(const struct nodes_base *nb, const char *text, int64_t *ret_id)
{
	return find_with(nb, store_node_find, "node", text, ret_id);
}

int nodes_find_sub(const struct nodes_base *nb, const char *text, int64_t *ret_id)
{
	return find_with(nb, store_sub_find, "subscription", text, ret_id);
}

enum nodes_kind nodes_kind_of(const struct invocation *inv, unsigned *ret_first)
{
	static const struct { const char *word; enum nodes_kind kind; } rows[] = {
		{ "node", NODES_NODE }, { "nodes", NODES_NODE }, { "config", NODES_NODE },
		{ "subscription", NODES_SUB }, { "subscriptions", NODES_SUB }, { "sub", NODES_SUB },
	};

	*ret_first = 0;
	for (size_t i = 0; inv->n_operands && i < sizeof(rows) / sizeof(*rows); i++)
		if (str_is(str_of(inv->operands[0]), rows[i].word)) {
			*ret_first = 1;
			return rows[i].kind;
		}
	return NODES_ANY;
}

static bool is_protocol(const char *name)
{
	for (size_t i = 0; node_protocol_names[i]; i++)
		if (str_is(str_of(name), node_protocol_names[i]))
			return true;
	return false;
}

/* As links spell them. */
static const char *protocol_of(const char *given)
{
	static const struct { const char *alias, *name; } rows[] = {
		{ "ss", "shadowsocks" }, { "socks5", "socks" }, { "https", "http" }, { "hy2", "hysteria2" }, { "wg", "wireguard" },
	};

	for (size_t i = 0; given && i < sizeof(rows) / sizeof(*rows); i++)
		if (str_is(str_of(given), rows[i].alias))
			return rows[i].name;
	return given;
}

int nodes_filter(const struct nodes_base *nb, struct store_filter *ret_filter)
{
	const struct invocation *inv = nb->inv;

	*ret_filter = (struct store_filter){ .which = inv->all ? STORE_ALL : inv->deleted ? STORE_DELETED : STORE_PRESENT,
					     .enabled_only = inv->enabled_only,
					     .protocol = protocol_of(inv->protocol),
					     .sort = inv->sort ? (enum store_sort)(inv->sort - 1) : STORE_BY_ID,
					     .limit = inv->limit };
	if (inv->protocol && !is_protocol(ret_filter->protocol))
		return out_fail(nb->a, inv, EXIT_USAGE, NULL,
				"--protocol cannot be '%s', allowed are vless, vmess, trojan, shadowsocks, socks, http, hysteria2, "
				"wireguard", inv->protocol);
	return inv->subscription ? nodes_find_sub(nb, inv->subscription, &ret_filter->subscription_id) : EXIT_DONE;
}

void nodes_nothing(const struct invocation *inv, const char *text)
{
	if (inv->format == FORMAT_TEXT && !inv->quiet && isatty(STDERR_FILENO))
		out_write(STDERR_FILENO, str_of(text));
}

int nodes_confirm(const struct nodes_base *nb, const char *question)
{
	char answer[16];
	ssize_t n;

	if (nb->inv->yes)
		return EXIT_DONE;
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return out_fail(nb->a, nb->inv, EXIT_USAGE, NULL, "%s, and there is no terminal to ask on; add --yes", question);
	out_write(STDERR_FILENO, str_of(arena_printf(nb->a, "%s. Go on? [y/N] ", question)));
	n = read(STDIN_FILENO, answer, sizeof(answer));
	if (n > 0 && (*answer == 'y' || *answer == 'Y'))
		return EXIT_DONE;
	return out_fail(nb->a, nb->inv, EXIT_USAGE, NULL, "nothing was changed");
}
