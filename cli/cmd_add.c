/* add, import: nodes into the database. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/intake.h"

/* --- what the operands are --- */
static bool starts_with_any(struct str s, const char *const *prefixes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_starts_nocase(s, prefixes[i]))
			return true;
	return false;
}

static bool is_url(const char *text)
{
	static const char *const schemes[] = { "http://", "https://" };

	return starts_with_any(str_of(text), schemes, 2) && !strpbrk(text, " \t\r\n");
}

/* A text of its own rather than the name of one. */
static bool is_text(const char *operand)
{
	return strstr(operand, "://") || strchr(operand, '\n') || operand[0] == '{' || operand[0] == '[';
}

/* Links of several operands are one list. */
static struct str join(struct arena *a, const struct invocation *inv)
{
	const char *all = "";

	for (unsigned i = 0; i < inv->n_operands; i++)
		all = arena_printf(a, "%s%s\n", all, inv->operands[i]);
	return str_of(all);
}

static const char *real_path(struct arena *a, const char *path)
{
	char *real = realpath(path, NULL);
	const char *kept = real ? arena_strdup(a, real) : NULL;

	free(real);
	return kept ? kept : nodes_absolute(a, path);
}

/* What import was given. EXIT_DONE or told. */
static int find_input(struct intake *in)
{
	const struct invocation *inv = in->nb->inv;
	const char *operand = inv->operands[0];

	in->by_hand = !inv->name;
	in->kind = STORE_SUB_RAW_TEXT;
	in->shown = "stdin";
	if (inv->n_operands > 1 || (is_text(operand) && !is_url(operand))) {
		in->shown = "the command line";
		in->text = join(in->a, inv);
		return EXIT_DONE;
	}
	if (str_is(str_of(operand), "-"))
		return EXIT_DONE;
	in->by_hand = false;
	in->source = operand;
	if (is_url(operand)) {
		char *shown = fetch_url_shown(operand);

		in->kind = STORE_SUB_URL;
		in->shown = arena_strdup(in->a, shown ? shown : "the URL");
		free(shown);
		return EXIT_DONE;
	}
	in->kind = STORE_SUB_FILE;
	in->shown = operand;
	in->source = real_path(in->a, operand);
	if (!access(operand, F_OK))
		return EXIT_DONE;
	return out_fail(in->a, inv, errno == ENOENT ? EXIT_USAGE : EXIT_SYSTEM, NULL,
			"'%s' is no URL, no link and no file: %s", operand, strerror(errno));
}

/* --- results --- */
static struct value node_json(struct arena *a, const struct store_import_row *row)
{
	static const char *const outcomes[STORE_ROW__N] = {
		[STORE_ROW_NEW] = "new", [STORE_ROW_DUPLICATE] = "duplicate", [STORE_ROW_RESTORED] = "restored",
		[STORE_ROW_REMOVED] = "removed", [STORE_ROW_REFUSED] = "refused",
	};
	struct value v = value_object(SPAN_NONE);

	value_put_int(a, &v, "id", row->id);
	value_put_str(a, &v, "outcome", outcomes[row->outcome]);
	return v;
}

static struct value result_json(const struct intake *in, bool with_nodes)
{
	struct value v = value_object(SPAN_NONE), nodes = value_array(SPAN_NONE);
	struct store_sub sub;
	struct err ignored = { 0 };

	value_put_str(in->a, &v, "form", input_format_names[in->summary.format]);
	value_put_int(in->a, &v, "parsed", in->summary.parsed);
	value_put_int(in->a, &v, "failed", in->summary.failed);
	value_put_int(in->a, &v, "skipped", in->summary.skipped);
	nodes_counts_json(in->a, &v, &in->result);
	for (uint32_t i = 0; with_nodes && i < in->list.n; i++)
		value_push(in->a, &nodes, node_json(in->a, &in->rows[i]));
	if (with_nodes)
		value_put(in->a, &v, "nodes", nodes);
	if (in->sub_id && !store_sub_get(in->nb->s, in->a, in->sub_id, &sub, &ignored))
		value_put(in->a, &v, "subscription", nodes_sub_json(in->a, &sub, false));
	else
		value_put(in->a, &v, "subscription", value_null(SPAN_NONE));
	err_fini(&ignored);
	value_put(in->a, &v, "diagnostics", diag_json(in->sink, in->a));
	return v;
}

static int show_text(const struct intake *in)
{
	struct store_sub sub;
	struct err ignored = { 0 };
	struct buf out = { 0 };

	if (in->sub_id && !store_sub_get(in->nb->s, in->a, in->sub_id, &sub, &ignored))
		buf_printf(&out, "%s: ", nodes_sub_label(in->a, &sub));
	err_fini(&ignored);
	intake_counts(in, &out);
	buf_putc(&out, '\n');
	return out_buf(STDOUT_FILENO, &out) ? EXIT_SYSTEM : EXIT_DONE;
}

static const char *state_of(enum store_row_outcome o)
{
	static const char *const words[STORE_ROW__N] = {
		[STORE_ROW_NEW] = "added ", [STORE_ROW_DUPLICATE] = "there already: ", [STORE_ROW_RESTORED] = "restored ",
		[STORE_ROW_REMOVED] = "left removed: ", [STORE_ROW_REFUSED] = "refused ",
	};

	return words[o];
}

static int show_added(const struct intake *in)
{
	struct buf out = { 0 };

	for (uint32_t i = 0; i < in->list.n; i++) {
		const struct store_import_row *row = &in->rows[i];
		struct store_node n;
		struct err e = { 0 };

		if (!row->id || store_node_get(in->nb->s, in->a, row->id, SPAN_NONE, &n, &e))
			buf_printf(&out, "%sentry %u\n", state_of(row->outcome), in->list.v[i].number);
		else
			buf_printf(&out, "%s%s\n", state_of(row->outcome),
				   nodes_label(in->a, row->id, n.row.ref, n.row.name));
		err_fini(&e);
	}
	return out_buf(STDOUT_FILENO, &out) ? EXIT_SYSTEM : EXIT_DONE;
}

/* It failed: what is wrong with the text, then why it is not in. */
static int tell_failure(const struct intake *in)
{
	return out_fail(in->a, in->nb->inv, (enum exit_code)in->code, in->sink, "%s", in->why);
}

/* --- the commands --- */
static int store_it(struct intake *in)
{
	const struct invocation *inv = in->nb->inv;
	struct intake_wish wish = { .name = inv->name, .user_agent = inv->user_agent, .may_lose_most = inv->yes };
	bool many;

	if (!intake_store(in, &wish, &many) || !many || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return in->code;
	if (nodes_confirm(in->nb, arena_printf(in->a, "%zu of the %zu nodes it had would be lost", in->result.n_missing,
					       in->result.n_held)))
		return in->code;
	in->code = EXIT_DONE;
	wish.may_lose_most = true;
	return intake_store(in, &wish, &many);
}

/* The database is open all the while, but locked only while the nodes go in. */
static int import_one(struct intake *in)
{
	struct progress p = nodes_progress(in->nb->inv);
	int r;

	nodes_progress_show(&p, true, in->kind == STORE_SUB_URL ? "fetching %s" : "reading %s", in->shown);
	r = intake_get(in, NULL);
	if (!r)
		r = intake_read(in);
	if (!r)
		nodes_progress_show(&p, true, "storing %u nodes", in->list.n);
	nodes_progress_end(&p);
	if (in->text.p && intake_tell(in))
		return EXIT_SYSTEM;
	if (!r) {
		r = store_it(in);
		nodes_progress_end(&p);
	}
	if (r)
		return tell_failure(in);
	return in->nb->inv->format == FORMAT_JSON ? out_result(in->a, in->nb->inv, result_json(in, false)) : show_text(in);
}

static int add_all(struct intake *in)
{
	int r = intake_get(in, NULL);

	if (!r)
		r = intake_read(in);
	if (in->text.p && intake_tell(in))
		return EXIT_SYSTEM;
	if (!r && in->summary.failed) {
		in->code = EXIT_CONFIG;
		in->why = "not every link can be read; nothing was added";
	} else if (!r) {
		store_it(in);
	}
	if (in->code)
		return tell_failure(in);
	return in->nb->inv->format == FORMAT_JSON ? out_result(in->a, in->nb->inv, result_json(in, true)) : show_added(in);
}

static int with_input(struct arena *a, const struct invocation *inv, int (*find)(struct intake *in), int (*run)(struct intake *in))
{
	struct nodes_base nb;
	struct intake in;
	int r = nodes_change(a, inv, &nb);

	if (!r) {
		intake_init(&in, &nb);
		r = fetch_init() ? out_fail(a, inv, EXIT_SYSTEM, NULL, "libcurl cannot work here") : find(&in);
		if (!r)
			r = run(&in);
		intake_fini(&in);
	}
	nodes_close(&nb);
	return r;
}

static int find_links(struct intake *in)
{
	const struct invocation *inv = in->nb->inv;

	in->by_hand = true;
	in->kind = STORE_SUB_RAW_TEXT;
	in->shown = "stdin";
	if (inv->n_operands == 1 && str_is(str_of(inv->operands[0]), "-"))
		return EXIT_DONE;
	in->shown = "the command line";
	in->text = join(in->a, inv);
	return EXIT_DONE;
}

int cmd_add(struct arena *a, const struct invocation *inv)
{
	return with_input(a, inv, find_links, add_all);
}

int cmd_import(struct arena *a, const struct invocation *inv)
{
	return with_input(a, inv, find_input, import_one);
}
