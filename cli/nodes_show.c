/* Nodes and subscriptions in the words of a terminal and in JSON. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/grid.h"
#include "cli/nodes.h"
#include "fetch/fetch.h"

enum { PROGRESS_MS = 100, PROGRESS_LINE_MS = 1000, LABEL_MAX = 120 };

const char *nodes_time(struct arena *a, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	char text[32];

	if (!ms || !gmtime_r(&seconds, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return "";
	return arena_strdup(a, text);
}

struct value nodes_time_json(struct arena *a, int64_t ms)
{
	return ms ? value_string(nodes_time(a, ms), SPAN_NONE) : value_null(SPAN_NONE);
}

static void put_text(struct arena *a, struct value *v, const char *key, const char *s)
{
	value_put(a, v, key, s ? value_string(arena_strdup(a, s), SPAN_NONE) : value_null(SPAN_NONE));
}

static void put_ms(struct arena *a, struct value *v, const char *key, bool is_there, int64_t ms)
{
	value_put(a, v, key, is_there ? value_number(a, ms, SPAN_NONE) : value_null(SPAN_NONE));
}

static const char *const stage_names[] = { [STORE_NOT_RUN] = "not_run", [STORE_FAILED] = "failed", [STORE_OK] = "ok" };

static struct value test_json(struct arena *a, const struct store_test *t)
{
	struct value v = value_object(SPAN_NONE);

	value_put_str(a, &v, "tcp", stage_names[t->tcp]);
	put_ms(a, &v, "tcp_ms", t->tcp == STORE_OK, t->tcp_ms);
	value_put_str(a, &v, "real_delay", stage_names[t->real_delay]);
	put_ms(a, &v, "real_delay_ms", t->real_delay == STORE_OK, t->real_delay_ms);
	put_ms(a, &v, "http_status", t->http_status != 0, t->http_status);
	put_text(a, &v, "failure", t->failure ? store_failure_names[t->failure] : NULL);
	put_text(a, &v, "failure_reason", t->failure_reason);
	value_put(a, &v, "tested_at", nodes_time_json(a, t->tested_at));
	return v;
}

struct value nodes_row_json(struct arena *a, const struct store_row *row)
{
	struct value v = value_object(SPAN_NONE);

	value_put_int(a, &v, "id", row->id);
	put_text(a, &v, "ref", row->ref);
	put_text(a, &v, "name", row->name);
	put_text(a, &v, "protocol", row->protocol);
	put_text(a, &v, "address", row->address);
	value_put_int(a, &v, "port", row->port);
	put_text(a, &v, "network", row->network);
	put_text(a, &v, "tls", row->tls);
	put_text(a, &v, "sni", row->sni);
	put_text(a, &v, "host", row->host);
	put_text(a, &v, "path", row->path);
	value_put_bool(a, &v, "enabled", row->is_enabled);
	value_put_bool(a, &v, "deleted", row->is_deleted);
	value_put_bool(a, &v, "active", row->is_active);
	value_put(a, &v, "imported_at", nodes_time_json(a, row->imported_at));
	value_put(a, &v, "updated_at", nodes_time_json(a, row->updated_at));
	value_put(a, &v, "deleted_at", nodes_time_json(a, row->deleted_at));
	value_put(a, &v, "cooldown_until", nodes_time_json(a, row->cooldown_until));
	value_put(a, &v, "latest_test", row->is_tested ? test_json(a, &row->latest) : value_null(SPAN_NONE));
	return v;
}

/* --- subscriptions --- */
const char *nodes_sub_source(struct arena *a, const struct store_sub *sub)
{
	char *shown;
	const char *r;

	if (!sub->source_url)
		return "";
	if (sub->kind != STORE_SUB_URL)
		return sub->source_url;
	shown = fetch_url_shown(sub->source_url);
	r = arena_strdup(a, shown ? shown : "?");
	free(shown);
	return r;
}

static void put_bytes(struct arena *a, struct value *v, const char *key, int64_t n)
{
	put_ms(a, v, key, n >= 0, n);
}

struct value nodes_sub_json(struct arena *a, const struct store_sub *sub, bool with_secrets)
{
	struct value v = value_object(SPAN_NONE);

	value_put_int(a, &v, "id", sub->id);
	put_text(a, &v, "ref", sub->ref);
	value_put_str(a, &v, "kind", store_sub_kind_names[sub->kind]);
	put_text(a, &v, "name", sub->name);
	put_text(a, &v, "source", sub->source_url ? (with_secrets ? sub->source_url : nodes_sub_source(a, sub)) : NULL);
	put_text(a, &v, "user_agent", sub->user_agent);
	value_put_int(a, &v, "nodes", sub->n_nodes);
	put_bytes(a, &v, "upload_bytes", sub->userinfo.upload);
	put_bytes(a, &v, "download_bytes", sub->userinfo.download);
	put_bytes(a, &v, "total_bytes", sub->userinfo.total);
	value_put(a, &v, "expires_at", nodes_time_json(a, sub->userinfo.expire_at > 0 ? sub->userinfo.expire_at : 0));
	put_text(a, &v, "last_error", sub->last_error);
	value_put(a, &v, "created_at", nodes_time_json(a, sub->created_at));
	value_put(a, &v, "refreshed_at", nodes_time_json(a, sub->last_refreshed_at));
	value_put(a, &v, "tried_at", nodes_time_json(a, sub->last_tried_at));
	return v;
}

void nodes_counts_json(struct arena *a, struct value *v, const struct store_import_result *r)
{
	value_put_int(a, v, "new", (int64_t)r->n_outcome[STORE_ROW_NEW]);
	value_put_int(a, v, "duplicates", (int64_t)r->n_outcome[STORE_ROW_DUPLICATE]);
	value_put_int(a, v, "restored", (int64_t)r->n_outcome[STORE_ROW_RESTORED]);
	value_put_int(a, v, "left_removed", (int64_t)r->n_outcome[STORE_ROW_REMOVED]);
	value_put_int(a, v, "refused", (int64_t)r->n_outcome[STORE_ROW_REFUSED]);
	value_put_int(a, v, "lost", (int64_t)r->n_lost);
}

/* --- labels --- */
static const char *quoted(struct arena *a, const char *name)
{
	return name && *name ? arena_printf(a, " '%s'", grid_fit(a, grid_clean(a, name), LABEL_MAX)) : "";
}

const char *nodes_label(struct arena *a, int64_t id, const char *ref, const char *name)
{
	return arena_printf(a, "node %lld (%.*s)%s", (long long)id, NODES_REF_SHOWN, ref, quoted(a, name));
}

const char *nodes_sub_label(struct arena *a, const struct store_sub *sub)
{
	return arena_printf(a, "subscription %lld%s", (long long)sub->id, quoted(a, sub->name));
}

/* --- progress --- */
struct progress nodes_progress(const struct invocation *inv)
{
	bool tty = isatty(STDERR_FILENO);

	return (struct progress){ .on = inv->progress || (tty && !inv->quiet && inv->format == FORMAT_TEXT), .on_terminal = tty };
}

void nodes_progress_show(struct progress *p, bool now, const char *fmt, ...)
{
	int64_t at = clock_mono_ms();
	struct buf out = { 0 };
	char text[200];
	va_list ap;

	if (!p->on || (!now && at < p->next_ms))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->next_ms = at + (p->on_terminal ? PROGRESS_MS : PROGRESS_LINE_MS);
	buf_printf(&out, p->on_terminal ? "\r\033[K%s" : "%s\n", text);
	p->shown = true;
	out_buf(STDERR_FILENO, &out);
}

void nodes_progress_end(struct progress *p)
{
	if (p->shown && p->on_terminal)
		out_write(STDERR_FILENO, STR("\r\033[K"));
	p->shown = false;
}
