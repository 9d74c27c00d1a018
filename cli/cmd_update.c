/* update: subscriptions fetched again. */
#include <string.h>
#include <unistd.h>

#include "cli/intake.h"

struct update {
	struct nodes_base nb;
	struct store_sub *subs;
	size_t n;
	bool named; /* by the user, one by one */
	struct progress progress;
	struct value list;
	int code;
};

static void put_result(struct update *u, const struct store_sub *sub, const char *outcome, const struct intake *in)
{
	struct arena *a = u->nb.a;
	struct value v = value_object(SPAN_NONE);

	value_put_int(a, &v, "id", sub->id);
	value_put_str(a, &v, "ref", arena_strdup(a, sub->ref));
	value_put(a, &v, "name", sub->name ? value_string(sub->name, SPAN_NONE) : value_null(SPAN_NONE));
	value_put_str(a, &v, "outcome", outcome);
	value_put(a, &v, "reason", in->why ? value_string(in->why, SPAN_NONE) : value_null(SPAN_NONE));
	value_put_int(a, &v, "parsed", in->summary.parsed);
	value_put_int(a, &v, "failed", in->summary.failed);
	value_put_int(a, &v, "skipped", in->summary.skipped);
	nodes_counts_json(a, &v, &in->result);
	value_put(a, &v, "diagnostics", diag_json(in->sink, a));
	value_push(a, &u->list, v);
}

static int show(struct update *u, const struct store_sub *sub, const struct intake *in, const char *words)
{
	struct buf out = { 0 };

	nodes_progress_end(&u->progress);
	if (u->nb.inv->format == FORMAT_JSON)
		return EXIT_DONE;
	if (in->text.p && intake_tell(in))
		return EXIT_SYSTEM;
	if (in->code) {
		out_fail(u->nb.a, u->nb.inv, (enum exit_code)in->code, NULL, "%s: %s", nodes_sub_label(u->nb.a, sub), in->why);
		return EXIT_DONE;
	}
	buf_printf(&out, "%s: ", nodes_sub_label(u->nb.a, sub));
	if (words)
		buf_puts(&out, words);
	else
		intake_counts(in, &out);
	buf_putc(&out, '\n');
	return out_buf(STDOUT_FILENO, &out) ? EXIT_SYSTEM : EXIT_DONE;
}

/* Into the database too, so that `list subscriptions` tells it later. What stands in the way of that is told instead. */
static void remember_failure(struct update *u, const struct store_sub *sub, struct intake *in)
{
	struct err e = { 0 };

	if (store_sub_failed(u->nb.s, sub->id, in->why, clock_wall_ms(), &e) < 0)
		in->why = arena_printf(in->a, "%s (and this could not be noted: %s)", in->why, err_text(&e));
	err_fini(&e);
}

static int finish_same(struct update *u, const struct store_sub *sub, struct intake *in)
{
	struct err e = { 0 };

	if (store_sub_same(u->nb.s, sub->id, clock_wall_ms(), &e) < 0) {
		in->why = arena_strdup(in->a, err_text(&e));
		in->code = EXIT_SYSTEM;
	}
	err_fini(&e);
	put_result(u, sub, in->code ? "failed" : "not_modified", in);
	return show(u, sub, in, "not modified");
}

static int store_it(struct update *u, const struct store_sub *sub, struct intake *in)
{
	struct intake_wish wish = { .update = true, .may_lose_most = u->nb.inv->yes };
	bool many;

	if (!intake_store(in, &wish, &many) || !many || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return in->code;
	nodes_progress_end(&u->progress);
	if (nodes_confirm(&u->nb, arena_printf(in->a, "%s: %zu of the %zu nodes it had would be lost", nodes_sub_label(in->a, sub),
					       in->result.n_missing, in->result.n_held)))
		return in->code;
	in->code = EXIT_DONE;
	in->why = NULL;
	wish.may_lose_most = true;
	return intake_store(in, &wish, &many);
}

static int update_one(struct update *u, const struct store_sub *sub)
{
	struct intake in;
	int r;

	intake_init(&in, &u->nb);
	in.kind = sub->kind;
	in.source = sub->source_url;
	in.sub_id = sub->id;
	in.shown = nodes_sub_source(in.a, sub);
	r = intake_get(&in, sub);
	if (!r && in.not_modified) {
		r = finish_same(u, sub, &in);
	} else {
		if (!r)
			r = intake_read(&in);
		if (!r)
			store_it(u, sub, &in);
		if (in.code)
			remember_failure(u, sub, &in);
		put_result(u, sub, in.code ? "failed" : "updated", &in);
		r = show(u, sub, &in, NULL);
	}
	u->code = in.code > u->code ? in.code : u->code;
	intake_fini(&in);
	return r;
}

/* A text has no place to be read from again. */
static int skip(struct update *u, const struct store_sub *sub)
{
	struct intake in;

	intake_init(&in, &u->nb);
	in.why = "it came as text, there is nothing to fetch it from";
	if (u->named) {
		in.code = EXIT_USAGE;
		u->code = u->code > EXIT_USAGE ? u->code : EXIT_USAGE;
	}
	put_result(u, sub, "skipped", &in);
	return u->named ? show(u, sub, &in, NULL) : EXIT_DONE;
}

static int run(struct update *u)
{
	size_t failed = 0;
	int r = EXIT_DONE;

	for (size_t i = 0; !r && i < u->n; i++) {
		nodes_progress_show(&u->progress, true, "updating %zu of %zu: %s", i + 1, u->n, nodes_sub_label(u->nb.a, &u->subs[i]));
		r = u->subs[i].kind == STORE_SUB_RAW_TEXT ? skip(u, &u->subs[i]) : update_one(u, &u->subs[i]);
	}
	nodes_progress_end(&u->progress);
	for (uint32_t i = 0; i < u->list.n; i++)
		failed += str_is(value_get_str(&u->list.items[i], "outcome"), "failed");
	if (r || u->nb.inv->format == FORMAT_TEXT)
		return r ? r : u->code;
	struct value result = value_object(SPAN_NONE);

	value_put(u->nb.a, &result, "subscriptions", u->list);
	return u->code ? out_fail_with(u->nb.a, u->nb.inv, (enum exit_code)u->code, value_array(SPAN_NONE), result,
				       arena_printf(u->nb.a, "%zu of %zu subscriptions could not be updated", failed, u->n)) :
			 out_result(u->nb.a, u->nb.inv, result);
}

static int find_named(struct update *u)
{
	struct arena *a = u->nb.a;
	struct err e = { 0 };

	u->n = u->nb.inv->n_operands;
	u->subs = arena_array(a, struct store_sub, u->n);
	for (size_t i = 0; i < u->n; i++) {
		int64_t id;
		int r = nodes_find_sub(&u->nb, u->nb.inv->operands[i], &id);

		if (r)
			return r;
		if (store_sub_get(u->nb.s, a, id, &u->subs[i], &e))
			return nodes_fail(&u->nb, &e);
	}
	return EXIT_DONE;
}

static int find_subs(struct update *u)
{
	struct err e = { 0 };

	u->named = u->nb.inv->n_operands > 0;
	if (u->named)
		return find_named(u);
	if (!u->nb.s)
		return EXIT_DONE;
	return store_subs(u->nb.s, u->nb.a, &u->subs, &u->n, &e) ? nodes_fail(&u->nb, &e) : EXIT_DONE;
}

int cmd_update(struct arena *a, const struct invocation *inv)
{
	struct update u = { .list = value_array(SPAN_NONE), .progress = nodes_progress(inv) };
	int r = nodes_look(a, inv, &u.nb);

	if (!r && fetch_init())
		r = out_fail(a, inv, EXIT_SYSTEM, NULL, "libcurl cannot work here");
	if (!r)
		r = find_subs(&u);
	if (!r && !u.n)
		nodes_nothing(inv, "no subscriptions; 'xrat import URL' makes one\n");
	if (!r)
		r = run(&u);
	nodes_close(&u.nb);
	return r;
}
