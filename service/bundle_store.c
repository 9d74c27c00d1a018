/* What the database and runtime/ hold: the secrets of every node and subscription, learned by value, and for the archive the
 * nodes as `list` shows them, sessions, events and rotation. A database that cannot be read keeps nothing from being made but
 * what would need it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "service/bundle_impl.h"
#include "store/store.h"

enum { BUSY_MS = 2000, NODES_SHOWN = 1000, EVENTS_SHOWN = 1000, SESSIONS_SHOWN = 100, SESSIONS_LOOKED_AT = 1000 };

static const char database[] = "database";

static void fault(struct bundle *b, const char *name, struct err *e)
{
	bundle_problem(b, name, "the database cannot be read: %s", err_text(e));
	err_fini(e);
}

/* --- where things are --------------------------------------------------------------------------------------------- */
/* A broken config.toml tells neither; then they are looked for where they are by default, and it may be another database than
 * the one that the sessions are of. */
static const char *read_config(struct bundle *b)
{
	struct diag_sink *sink = diag_sink_new(b->a, sources_new(b->a));
	struct compiled *c = arena_new_of(b->a, struct compiled);
	const struct config *config = &c->config;
	struct err e = { 0 };

	b->config_is_broken = compile_config(b->a, sink, b->root_fd, b->o->root, c, &e) || diag_count(sink, SEV_ERROR);
	if (b->config_is_broken)
		bundle_problem(b, "config.toml", "it has errors; the database and the log files of sessions are looked for where they "
			       "are by default");
	err_fini(&e);
	b->session_log_dir = config->runtime.log.dir.s ? config->runtime.log.dir.s : "logs";
	return config->database.path.s ? config->database.path.s : "xrat.db";
}

static void open_store(struct bundle *b)
{
	const struct store_options o = { .flags = STORE_NO_CREATE, .busy_ms = BUSY_MS };
	const char *path = read_config(b);
	struct err e = { 0 };
	int r = store_open(b->root_fd, path, &o, &b->store, &e);

	if (r == STORE_MISSING && !faccessat(b->root_fd, "runtime", F_OK, AT_SYMLINK_NOFOLLOW)) /* else nothing is lacking */
		bundle_problem(b, database, "'%s' does not exist: no nodes, sessions or events are included", path);
	else if (r < 0)
		fault(b, database, &e);
	if (r)
		b->store = NULL;
}

/* --- learning ----------------------------------------------------------------------------------------------------- */
/* Each node in an arena of its own: there may be a hundred thousand. */
static int learn_node(struct bundle *b, struct store_cursor *c, struct err *e)
{
	struct arena *a = arena_new();
	struct node n = { 0 };
	const char *link = NULL;
	jmp_buf oom;
	int r = -ENOMEM;

	if (a && !setjmp(oom)) {
		arena_on_oom(a, &oom);
		r = store_cursor_node(c, a, SPAN_NONE, &n, &link, e);
	}
	if (!r) {
		mask_node(b->mask, &n);
		if (link)
			mask_learn(b->mask, str_of(link), MASK_TEXT, NULL);
	}
	arena_free(a);
	return r;
}

static bool learn_nodes(struct bundle *b)
{
	const struct store_filter all = { .which = STORE_ALL, .with_node = true };
	struct store_cursor *c = NULL;
	struct store_row row;
	struct err e = { 0 };
	int r = store_list(b->store, &all, &c, &e);

	while (!r && (r = store_next(c, &row, &e)) == 1)
		r = learn_node(b, c, &e);
	store_cursor_close(c);
	if (r)
		fault(b, "nodes", &e);
	return !r;
}

static bool learn_subs(struct bundle *b)
{
	struct store_sub *subs;
	struct err e = { 0 };
	size_t n = 0;
	int r = store_subs(b->store, b->a, &subs, &n, &e);

	for (size_t i = 0; !r && i < n; i++)
		if (subs[i].kind == STORE_SUB_URL && subs[i].source_url)
			mask_address(b->mask, str_of(subs[i].source_url));
	if (r)
		fault(b, "subscriptions", &e);
	return !r;
}

static void learn_file(struct bundle *b, int runtime_fd, const char *path)
{
	struct str bytes;
	const char *note;

	if (!bundle_read(b, runtime_fd, path, BUNDLE_STATE, &bytes, &note))
		mask_learn(b->mask, bytes, MASK_XRAY_JSON, NULL);
}

/* Files that engines run from: of sessions, and of nodes that are being tried. */
static void learn_runtime(struct bundle *b, int fd)
{
	const char **names = NULL;
	size_t n = bundle_list(b, fd, ".", false, &names);

	for (size_t i = 0; i < n; i++) {
		struct str name = str_of(names[i]);

		if (str_ends_nocase(name, ".json"))
			learn_file(b, fd, names[i]);
		else if (str_starts(name, "test-"))
			learn_file(b, fd, arena_printf(b->a, "%s/xray.json", names[i]));
	}
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */
static void put_text(struct bundle *b, struct value *v, const char *key, const char *text)
{
	if (text)
		value_put_str(b->a, v, key, arena_strdup(b->a, text));
}

static void put_time(struct bundle *b, struct value *v, const char *key, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	char text[32];
	struct tm tm;

	if (ms && gmtime_r(&seconds, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm))
		value_put_str(b->a, v, key, arena_printf(b->a, "%s.%03dZ", text, (int)(ms % 1000)));
}

static void put_id(struct bundle *b, struct value *v, const char *key, int64_t id)
{
	if (id)
		value_put_int(b->a, v, key, id);
}

static struct value test_json(struct bundle *b, const struct store_test *t)
{
	struct value v = value_object(SPAN_NONE);

	if (t->tcp == STORE_OK)
		value_put_int(b->a, &v, "tcp_ms", t->tcp_ms);
	if (t->real_delay == STORE_OK)
		value_put_int(b->a, &v, "real_delay_ms", t->real_delay_ms);
	put_text(b, &v, "failure", t->failure ? store_failure_names[t->failure] : NULL);
	put_text(b, &v, "failure_reason", t->failure_reason);
	put_time(b, &v, "tested_at", t->tested_at);
	return v;
}

static struct value node_json(struct bundle *b, const struct store_row *row)
{
	struct value v = value_object(SPAN_NONE);

	value_put_int(b->a, &v, "id", row->id);
	put_text(b, &v, "ref", row->ref);
	put_text(b, &v, "name", row->name);
	put_text(b, &v, "protocol", row->protocol);
	put_text(b, &v, "address", row->address);
	value_put_int(b->a, &v, "port", row->port);
	put_text(b, &v, "network", row->network);
	put_text(b, &v, "tls", row->tls);
	put_text(b, &v, "sni", row->sni);
	put_text(b, &v, "host", row->host);
	put_text(b, &v, "path", row->path);
	value_put_bool(b->a, &v, "enabled", row->is_enabled);
	value_put_bool(b->a, &v, "deleted", row->is_deleted);
	value_put_bool(b->a, &v, "active", row->is_active);
	put_time(b, &v, "imported_at", row->imported_at);
	put_time(b, &v, "deleted_at", row->deleted_at);
	put_time(b, &v, "cooldown_until", row->cooldown_until);
	if (row->is_tested)
		value_put(b->a, &v, "latest_test", test_json(b, &row->latest));
	return v;
}

static void put_nodes(struct bundle *b)
{
	const struct store_filter f = { .which = STORE_ALL, .limit = NODES_SHOWN };
	struct value all = value_array(SPAN_NONE);
	struct store_cursor *c = NULL;
	struct store_row row;
	struct err e = { 0 };
	int r = store_list(b->store, &f, &c, &e);

	while (!r && (r = store_next(c, &row, &e)) == 1) {
		value_push(b->a, &all, node_json(b, &row));
		r = 0;
	}
	store_cursor_close(c);
	if (r)
		fault(b, "sessions/nodes.json", &e);
	else
		bundle_put_json(b, "sessions/nodes.json", &all);
}

/* The place without what may be a token. */
static const char *place_of(struct bundle *b, const struct store_sub *sub)
{
	const char *end, *at;
	struct str host;

	if (sub->kind != STORE_SUB_URL || !sub->source_url)
		return sub->source_url;
	end = strstr(sub->source_url, "://");
	if (!end)
		return "?";
	host = str_of(end + 3);
	host.len = strcspn(host.p, "/?#");
	at = memrchr(host.p, '@', host.len);
	if (at)
		host = str_skip(host, (size_t)(at - host.p) + 1);
	return arena_printf(b->a, "%.*s://%.*s/...", (int)(end - sub->source_url), sub->source_url, (int)host.len, host.p);
}

static void put_subs(struct bundle *b)
{
	struct value all = value_array(SPAN_NONE);
	struct store_sub *subs;
	struct err e = { 0 };
	size_t n = 0;
	int r = store_subs(b->store, b->a, &subs, &n, &e);

	for (size_t i = 0; !r && i < n; i++) {
		struct value v = value_object(SPAN_NONE);

		value_put_int(b->a, &v, "id", subs[i].id);
		value_put_str(b->a, &v, "kind", store_sub_kind_names[subs[i].kind]);
		put_text(b, &v, "name", subs[i].name);
		put_text(b, &v, "source", place_of(b, &subs[i]));
		value_put_int(b->a, &v, "nodes", subs[i].n_nodes);
		put_text(b, &v, "last_error", subs[i].last_error);
		put_time(b, &v, "refreshed_at", subs[i].last_refreshed_at);
		put_time(b, &v, "tried_at", subs[i].last_tried_at);
		value_push(b->a, &all, v);
	}
	if (r)
		fault(b, "sessions/subscriptions.json", &e);
	else
		bundle_put_json(b, "sessions/subscriptions.json", &all);
}

static void put_endpoint(struct bundle *b, struct value *v, const char *key, const struct store_endpoint *at)
{
	if (at->host)
		value_put_str(b->a, v, key, arena_printf(b->a, "%s:%d", at->host, at->port));
}

static struct value session_json(struct bundle *b, const struct store_session *s)
{
	struct value v = value_object(SPAN_NONE);

	value_put_int(b->a, &v, "id", s->id);
	put_id(b, &v, "node_id", s->node_id);
	value_put_str(b->a, &v, "status", store_status_names[s->status]);
	put_id(b, &v, "process_id", s->process_id);
	put_text(b, &v, "boot_id", s->boot_id);
	put_text(b, &v, "engine", s->engine);
	put_text(b, &v, "engine_config_path", s->engine_config_path);
	put_endpoint(b, &v, "socks", &s->socks);
	put_endpoint(b, &v, "http", &s->http);
	put_endpoint(b, &v, "shadowsocks", &s->shadowsocks);
	put_text(b, &v, "failure_reason", s->failure_reason);
	put_text(b, &v, "last_transition", s->reason_code);
	put_text(b, &v, "owner_instance_id", s->owner_instance_id);
	put_time(b, &v, "created_at", s->created_at);
	put_time(b, &v, "started_at", s->started_at);
	put_time(b, &v, "stopped_at", s->stopped_at);
	return v;
}

static void put_sessions(struct bundle *b)
{
	struct value all = value_array(SPAN_NONE);

	for (size_t i = 0; i < b->n_sessions && i < SESSIONS_SHOWN; i++)
		value_push(b->a, &all, session_json(b, &b->sessions[i]));
	bundle_put_json(b, "sessions/sessions.json", &all);
}

static struct value event_json(struct bundle *b, const struct store_event *event)
{
	struct value v = value_object(SPAN_NONE);

	put_time(b, &v, "at", event->created_at);
	value_put_str(b->a, &v, "level", store_level_names[event->level]);
	put_text(b, &v, "source", event->source);
	put_text(b, &v, "kind", event->kind);
	put_id(b, &v, "node_id", event->node_id);
	put_id(b, &v, "session_id", event->session_id);
	put_text(b, &v, "message", event->message);
	put_text(b, &v, "detail", event->detail);
	return v;
}

static void put_events(struct bundle *b)
{
	const struct store_event_filter f = { .max = EVENTS_SHOWN };
	struct value all = value_array(SPAN_NONE);
	struct store_event *events;
	struct err e = { 0 };
	size_t n = 0;
	int r = store_events(b->store, b->a, &f, &events, &n, &e);

	for (size_t i = 0; !r && i < n; i++)
		value_push(b->a, &all, event_json(b, &events[i]));
	if (r)
		fault(b, "sessions/events.json", &e);
	else
		bundle_put_json(b, "sessions/events.json", &all);
}

static struct value cooldowns_json(struct bundle *b, const struct store_cooldown *v, size_t n)
{
	struct value all = value_array(SPAN_NONE);

	for (size_t i = 0; i < n; i++) {
		struct value one = value_object(SPAN_NONE);

		value_put_int(b->a, &one, "node_id", v[i].node_id);
		value_put_int(b->a, &one, "failures", v[i].failures);
		put_time(b, &one, "until", v[i].cooldown_until);
		put_text(b, &one, "reason", v[i].reason);
		value_push(b->a, &all, one);
	}
	return all;
}

static void put_rotation(struct bundle *b)
{
	static const char *const switches[] = { [STORE_AS_CONFIGURED] = "as_configured", [STORE_SWITCHED_ON] = "on",
						[STORE_SWITCHED_OFF] = "off" };
	struct value v = value_object(SPAN_NONE);
	struct store_cooldown *waiting = NULL;
	struct store_rotation s = { 0 };
	struct err e = { 0 };
	size_t n = 0;
	int r = store_rotation_get(b->store, b->a, &s, &e);

	if (!r)
		r = store_cooldowns(b->store, b->a, 1, &waiting, &n, &e); /* those that are over too */
	if (r) {
		fault(b, "sessions/rotation.json", &e);
		return;
	}
	value_put_str(b->a, &v, "enabled", switches[s.enabled]);
	put_text(b, &v, "last_trigger", s.last_trigger);
	put_text(b, &v, "last_result", s.last_result);
	put_text(b, &v, "last_candidate_result", s.last_candidate_result);
	put_id(b, &v, "last_candidate_id", s.last_candidate_id);
	put_text(b, &v, "last_health_error", s.last_health_error);
	put_time(b, &v, "last_rotated_at", s.last_rotated_at);
	put_time(b, &v, "next_timer_at", s.next_timer_at);
	put_time(b, &v, "last_health_check_at", s.last_health_check_at);
	value_put_int(b->a, &v, "consecutive_health_failures", s.consecutive_health_failures);
	value_put_bool(b->a, &v, "pending_health_recovery", s.pending_health_recovery);
	value_put(b->a, &v, "cooldowns", cooldowns_json(b, waiting, n));
	bundle_put_json(b, "sessions/rotation.json", &v);
}

/* --- all ---------------------------------------------------------------------------------------------------------- */
static void put_counts(struct bundle *b)
{
	struct store_counts n = { 0 };
	struct value v = value_object(SPAN_NONE);
	struct err e = { 0 };

	if (store_counts(b->store, &n, &e)) {
		fault(b, "sessions/counts.json", &e);
		return;
	}
	value_put_int(b->a, &v, "nodes", n.nodes);
	value_put_int(b->a, &v, "enabled", n.enabled);
	value_put_int(b->a, &v, "removed", n.deleted);
	value_put_int(b->a, &v, "subscriptions", n.subscriptions);
	value_put_int(b->a, &v, "sessions", n.sessions);
	value_put_int(b->a, &v, "tests", n.tests);
	value_put_int(b->a, &v, "events", n.events);
	bundle_put_json(b, "sessions/counts.json", &v);
	if (n.nodes + n.deleted > NODES_SHOWN)
		bundle_problem(b, "sessions/nodes.json", "the first %d of %lld nodes", NODES_SHOWN,
			       (long long)n.nodes + n.deleted);
}

static bool list_sessions(struct bundle *b)
{
	struct err e = { 0 };
	int r = store_sessions_newest(b->store, b->a, SESSIONS_LOOKED_AT, &b->sessions, &b->n_sessions, &e);

	if (!r)
		return true;
	b->n_sessions = 0;
	fault(b, "sessions/sessions.json", &e);
	return false;
}

static void take_runtime_files(struct bundle *b, int fd)
{
	const char **names = NULL;
	size_t n = bundle_list(b, fd, ".", false, &names);

	for (size_t i = 0; i < n; i++)
		if (str_starts(str_of(names[i]), "session-") && str_ends_nocase(str_of(names[i]), ".json"))
			bundle_take(b, arena_printf(b->a, "sessions/%s", names[i]), fd, names[i], BUNDLE_STATE, MASK_XRAY_JSON);
}

static void with_runtime(struct bundle *b, void (*fn)(struct bundle *b, int fd))
{
	jmp_buf oom, *volatile outer = arena_on_oom(b->a, NULL);
	volatile int fd;

	arena_on_oom(b->a, outer);
	fd = file_open_walk(b->root_fd, "runtime");
	if (fd < 0)
		return;
	if (setjmp(oom)) {
		close(fd);
		arena_on_oom(b->a, outer);
		arena_fail(b->a);
	}
	arena_on_oom(b->a, &oom);
	fn(b, fd);
	arena_on_oom(b->a, outer);
	close(fd);
}

void bundle_learn_store(struct bundle *b)
{
	bundle_progress(b, "nodes");
	open_store(b);
	b->knows_nodes = b->store && list_sessions(b) && !b->config_is_broken;
	if (!b->mask)
		return;
	if (b->store && !learn_nodes(b)) /* each learns what it can, whatever became of the others */
		b->knows_nodes = false;
	if (b->store && !learn_subs(b))
		b->knows_nodes = false;
	with_runtime(b, learn_runtime);
}

void bundle_gather_store(struct bundle *b)
{
	with_runtime(b, take_runtime_files);
	if (!b->store)
		return;
	put_counts(b);
	put_nodes(b);
	put_subs(b);
	put_sessions(b);
	put_events(b);
	put_rotation(b);
}
