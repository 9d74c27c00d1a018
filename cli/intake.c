/* Inputs of add, import and update. */
#include "cli/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };

int intake_init(struct intake *in, const struct nodes_base *nb)
{
	*in = (struct intake){ .nb = nb, .a = nb->a };
	in->sink = diag_sink_new(in->a, sources_new(in->a));
	return 0;
}

void intake_fini(struct intake *in)
{
	fetch_result_fini(&in->answer);
}

__attribute__((format(printf, 3, 4))) static int fail(struct intake *in, enum exit_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	in->why = arena_vprintf(in->a, fmt, ap);
	va_end(ap);
	in->code = code;
	return code;
}

static int fail_err(struct intake *in, struct err *e)
{
	fail(in, e->code == -EBUSY ? EXIT_BUSY : EXIT_SYSTEM, "%s", err_text(e));
	err_fini(e);
	return in->code;
}

/* --- reading --- */
static int get_url(struct intake *in, const struct store_sub *sub)
{
	const struct fetch_options o = { .user_agent = sub ? sub->user_agent : in->nb->inv->user_agent,
					 .etag = sub ? sub->etag : NULL,
					 .last_modified = sub ? sub->last_modified : NULL };
	struct err e = { 0 };

	if (fetch_get(in->source, &o, &in->answer, &e))
		return fail_err(in, &e);
	in->not_modified = in->answer.outcome == FETCH_NOT_MODIFIED;
	in->text = (struct str){ in->answer.body, in->answer.len };
	return EXIT_DONE;
}

/* All of a descriptor. */
static int get_stream(struct intake *in, int fd)
{
	struct buf all = { 0 };
	ssize_t n;

	do {
		buf_reserve(&all, CHUNK);
		n = all.failed ? 0 : read(fd, all.p + all.len, CHUNK);
		all.len += n > 0 ? (size_t)n : 0;
	} while ((n > 0 && all.len <= INPUT_MAX_BYTES) || (n < 0 && errno == EINTR));
	if (n < 0)
		fail(in, EXIT_SYSTEM, "read %s: %s", in->shown, strerror(errno));
	else if (all.failed)
		fail(in, EXIT_SYSTEM, "out of memory");
	else if (all.len > INPUT_MAX_BYTES)
		fail(in, EXIT_CONFIG, "%s has more than %d bytes, which no input may have", in->shown, INPUT_MAX_BYTES);
	else
		in->text = (struct str){ arena_memdup(in->a, all.p ? all.p : "", all.len), all.len };
	buf_fini(&all);
	return in->code;
}

/* A pipe (as of the shell's <(…)) is as good as a file. */
static int get_file(struct intake *in)
{
	int fd = open(in->source, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fail(in, EXIT_SYSTEM, "open '%s': %s", in->shown, strerror(errno));
	get_stream(in, fd);
	close(fd);
	return in->code;
}

int intake_get(struct intake *in, const struct store_sub *sub)
{
	if (in->text.p)
		return EXIT_DONE;
	if (!in->source)
		return get_stream(in, STDIN_FILENO);
	return in->kind == STORE_SUB_URL ? get_url(in, sub) : get_file(in);
}

/* --- understanding --- */
int intake_read(struct intake *in)
{
	const struct input_options o = { .name = in->shown, .lenient = in->nb->inv->lenient, .yaml = inputs_yaml };
	int r = inputs_collect(in->a, in->sink, (struct sources *)diag_sources(in->sink), in->text, &o, &in->list, &in->summary);

	diag_finish(in->sink, false);
	if (r < 0)
		return fail(in, EXIT_SYSTEM, "read %s: %s", in->shown, strerror(-r));
	if (r && !str_trim(in->text).len)
		return fail(in, EXIT_CONFIG, "%s is empty; nothing was changed", in->shown);
	if (r)
		return fail(in, EXIT_CONFIG, "%s is not an input that xrat reads; nothing was changed", in->shown);
	if (!in->list.n)
		return fail(in, EXIT_CONFIG, "%s holds no node that can be used; nothing was changed", in->shown);
	return EXIT_DONE;
}

int intake_tell(const struct intake *in)
{
	return out_diags(in->nb->inv, in->sink);
}

/* --- storing --- */
static struct store_userinfo userinfo_of(const struct fetch_userinfo *u)
{
	return (struct store_userinfo){ .upload = u->has_upload ? u->upload : -1, .download = u->has_download ? u->download : -1,
					.total = u->has_total ? u->total : -1,
					.expire_at = u->has_expire && u->expire < INT64_MAX / 1000 ? u->expire * 1000 : -1 };
}

/* The event log is for people: no URL, no link. */
static int note(struct intake *in, int64_t now_ms, struct err *e)
{
	const struct store_import_result *r = &in->result;
	const struct store_event event = {
		.level = STORE_INFO, .source = "nodes", .kind = in->by_hand ? "nodes_added" : "subscription_updated", .created_at = now_ms,
		.message = arena_printf(in->a, "%s%s: %u entries, %zu new, %zu restored, %zu lost", in->by_hand ? "by hand" : "subscription ",
					in->by_hand ? "" : arena_printf(in->a, "%lld", (long long)in->sub_id), in->summary.parsed,
					r->n_outcome[STORE_ROW_NEW], r->n_outcome[STORE_ROW_RESTORED], r->n_lost),
	};

	return store_event_add(in->nb->s, &event, NULL, e);
}

/* Whether it is there already under a name, which the server's title shall not replace. */
static bool has_name(struct intake *in)
{
	struct err ignored = { 0 };
	struct store_sub *subs;
	size_t n = 0;
	bool found = false;

	if (in->source && !store_subs(in->nb->s, in->a, &subs, &n, &ignored))
		for (size_t i = 0; i < n; i++)
			found |= subs[i].kind == in->kind && subs[i].name && str_is(str_of(subs[i].source_url), in->source);
	err_fini(&ignored);
	return found;
}

static int put_sub(struct intake *in, const struct intake_wish *wish, int64_t now_ms, struct err *e)
{
	const char *name = wish->name ? wish->name : has_name(in) ? NULL : in->answer.title;
	int r;

	if (in->by_hand || in->sub_id) /* it has one: an update */
		return 0;
	r = store_sub_put(in->nb->s, in->kind, in->source, name, wish->user_agent, now_ms, &in->sub_id, e);
	return r < 0 ? r : 0;
}

static int put_all(struct intake *in, const struct intake_wish *wish, struct err *e)
{
	const struct fetch_result *f = &in->answer;
	const struct store_userinfo userinfo = userinfo_of(&f->userinfo);
	int64_t now_ms = clock_wall_ms();
	struct store_import import = { .rows = in->rows, .n = in->list.n, .reconcile = !in->by_hand, .now_ms = now_ms,
				       .may_lose_most = wish->may_lose_most, .revive = !wish->update };
	int r = put_sub(in, wish, now_ms, e);

	import.subscription_id = in->sub_id;
	if (!r)
		r = store_import(in->nb->s, &import, &in->result, e);
	if (!r && !in->by_hand)
		r = store_sub_fetched(in->nb->s, in->sub_id, f->etag, f->last_modified, f->userinfo.set ? &userinfo : NULL, now_ms, e);
	return r ? r : note(in, now_ms, e);
}

static void make_rows(struct intake *in)
{
	in->rows = arena_array(in->a, struct store_import_row, in->list.n);
	for (uint32_t i = 0; i < in->list.n; i++)
		in->rows[i] = (struct store_import_row){ .node = &in->list.v[i].node, .link = in->list.v[i].link };
}

int intake_store(struct intake *in, const struct intake_wish *wish, bool *ret_many)
{
	int64_t before = in->sub_id;
	struct err e = { 0 };
	int r;

	*ret_many = false;
	make_rows(in);
	r = store_begin(in->nb->s, true, &e);
	if (!r) {
		r = put_all(in, wish, &e);
		if (!r)
			r = store_commit(in->nb->s, &e);
		if (r) {
			store_rollback(in->nb->s);
			in->sub_id = before;
		}
	}
	*ret_many = r == STORE_MANY_LOST;
	if (*ret_many)
		return fail(in, EXIT_USAGE, "%zu of the %zu nodes it had would be lost; nothing was changed, --yes does it",
			    in->result.n_missing, in->result.n_held);
	if (r > 0)
		return fail(in, EXIT_NOT_FOUND, "the subscription is not there any more");
	return r ? fail_err(in, &e) : EXIT_DONE;
}

static void count(struct buf *out, const char **separator, size_t n, const char *words)
{
	if (!n)
		return;
	buf_printf(out, "%s%zu %s", *separator, n, words);
	*separator = ", ";
}

void intake_counts(const struct intake *in, struct buf *out)
{
	static const char *const words[STORE_ROW__N] = {
		[STORE_ROW_NEW] = "new", [STORE_ROW_DUPLICATE] = "there already", [STORE_ROW_RESTORED] = "restored",
		[STORE_ROW_REMOVED] = "left removed", [STORE_ROW_REFUSED] = "without address or port",
	};
	const char *separator = ": ";
	uint32_t failed = in->summary.failed;

	buf_printf(out, "%u node%s", in->list.n, in->list.n == 1 ? "" : "s");
	for (int i = 0; i < STORE_ROW__N; i++)
		count(out, &separator, in->result.n_outcome[i], words[i]);
	if (in->result.n_lost)
		buf_printf(out, "; %zu removed, it has them no more", in->result.n_lost);
	if (failed)
		buf_printf(out, "; %u entr%s could not be read", failed, failed == 1 ? "y" : "ies");
}
