/* What rotation and health tell people, and what they keep for the next daemon. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "daemon/ledger.h"
#include "daemon/rotation_impl.h"

/* A node that fails again and again rests longer and longer, up to this. */
enum { COOLDOWN_MAX_MS = 6 * 3600 * 1000 };

static const char being_proved[] = "being_proved";

static const enum severity severities[STORE_LEVEL__N] = {
	[STORE_DEBUG] = SEV_NOTE, [STORE_INFO] = SEV_NOTE, [STORE_WARNING] = SEV_WARNING, [STORE_ERROR] = SEV_ERROR,
};

void rotation_tell(struct rotation *all, enum store_level level, const char *source, const char *kind, int64_t node_id,
		   const char *fmt, ...)
{
	struct daemon *d = all->daemon;
	const struct rotation_core *c = &all->core;
	struct store_event event = { .level = level, .source = source, .kind = kind, .node_id = node_id,
				     .session_id = c->session_id ? c->session_id : c->dead_session_id,
				     .created_at = clock_wall_ms() };
	char text[2 * ROTATION_TEXT_BYTES];
	va_list ap;

	va_start(ap, fmt);
	str_vprint(text, sizeof(text), fmt, ap);
	va_end(ap);
	daemon_log(d, severities[level], source, "%s", text);
	event.message = text;
	ledger_event(d, &event);
}

static long long subject(const struct rotation_core *c)
{
	return c->session_id ? c->node_id : c->dead_node_id;
}

void rotation_tell_begin(struct rotation *all)
{
	const struct rotation_core *c = &all->core;
	char reason[ROTATION_TEXT_BYTES] = "";

	if (all->is_begin_told)
		return;
	all->is_begin_told = true;
	if (c->trigger == IPC_TRIGGER_HEALTH)
		str_print(reason, sizeof(reason), ": %.250s", all->last_health_error);
	rotation_tell(all, STORE_INFO, "rotation", "rotation_begun", subject(c), "%s wants another node than %lld%s",
		      ipc_trigger_name((int)c->trigger), subject(c), reason);
}

void rotation_tell_try(struct rotation *all)
{
	const struct rotation_core *c = &all->core;

	rotation_tell_begin(all);
	all->last_candidate_id = c->candidate;
	snprintf(all->last_candidate_result, sizeof(all->last_candidate_result), "%s", being_proved);
	rotation_tell(all, STORE_INFO, "rotation", "rotation_candidate", c->candidate, "node %lld is tried, number %zu of at most %d",
		      (long long)c->candidate, c->n_tried, ROTATION_TRIES);
}

void rotation_tell_tried(struct rotation *all, const struct session_result *r)
{
	static const char *const words[SESSION_OUTCOME__N] = {
		[SESSION_OK] = "proved", [SESSION_NO_NODE] = "not_there", [SESSION_DISABLED] = "not_there",
		[SESSION_BUSY] = "busy", [SESSION_OCCUPIED] = "busy", [SESSION_STOPPING] = "busy", [SESSION_NONE] = "none",
		[SESSION_BAD_CONFIG] = "refused", [SESSION_REFUSED] = "refused", [SESSION_NO_ENGINE] = "no_engine",
		[SESSION_NOT_READY] = "not_proved", [SESSION_NOT_PROVED] = "not_proved", [SESSION_LOST] = "lost",
		[SESSION_LOCKED] = "system_error", [SESSION_FAULT] = "system_error",
		[SESSION_CANCELLED] = "cancelled",
	};

	str_print(all->last_candidate_result, sizeof(all->last_candidate_result), "%s%s%.250s", words[r->outcome],
		 r->outcome == SESSION_OK ? "" : ": ", r->outcome == SESSION_OK ? "" : r->why);
	if (r->outcome != SESSION_OK)
		rotation_tell(all, STORE_WARNING, "rotation", "rotation_candidate_failed", all->last_candidate_id,
			      "node %lld did not take over: %.300s", (long long)all->last_candidate_id, r->why);
}

static const enum store_level levels[ROTATION_RESULT__N] = {
	[ROTATION_REPLACED] = STORE_INFO, [ROTATION_NO_CANDIDATE] = STORE_WARNING, [ROTATION_ALL_FAILED] = STORE_WARNING,
	[ROTATION_NETWORK_DOWN] = STORE_WARNING, [ROTATION_INTERRUPTED] = STORE_INFO, [ROTATION_BUSY] = STORE_INFO,
	[ROTATION_FAULT] = STORE_ERROR, [ROTATION_NO_SESSION] = STORE_INFO, [ROTATION_SAME_NODE] = STORE_INFO,
	[ROTATION_COOLING] = STORE_INFO,
};

void rotation_tell_end(struct rotation *all, const char *why)
{
	const struct rotation_core *c = &all->core;
	enum store_level level = levels[c->result];
	long long node = subject(c);

	snprintf(all->last_result, sizeof(all->last_result), "%s", rotation_result_names[c->result]);
	if (c->result == ROTATION_NETWORK_DOWN && all->was_down)
		return; /* as before: once is enough */
	rotation_tell_begin(all);
	if (c->result == ROTATION_REPLACED)
		rotation_tell(all, level, "rotation", "rotation_done", node, "node %lld is active now", node);
	else if (c->session_id)
		rotation_tell(all, level, "rotation", "rotation_not_done", node, "node %lld stays: %.300s", node, why);
	else
		rotation_tell(all, level, "rotation", "rotation_not_done", node, "nothing came after node %lld: %.300s", node, why);
}

void rotation_tell_network(struct rotation *all, const char *why)
{
	bool down = all->core.network_down;

	if (down == all->was_down)
		return;
	all->was_down = down;
	rotation_tell(all, down ? STORE_WARNING : STORE_INFO, "health", down ? "own_network_down" : "own_network_up", 0, "%s",
		      down ? why : "own network is up again");
}

static void on_cooled(struct daemon *d, int64_t node_id, int64_t wait_ms)
{
	rotation_tell(d->rotation, STORE_INFO, "rotation", "node_cooldown", node_id, "node %lld rests for %lld s", (long long)node_id,
		      (long long)wait_ms / 1000);
}

void rotation_tell_cooldown(struct rotation *all, int64_t node_id, const char *why)
{
	int64_t base = all->core.policy.cooldown_ms;

	if (base)
		ledger_cool(all->daemon, &(struct ledger_cooldown){ node_id, base, COOLDOWN_MAX_MS, why, on_cooled });
}

/* --- the store's row --- */
static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

int rotation_write(struct rotation *all, enum store_switch enabled, struct err *e)
{
	const struct rotation_core *c = &all->core;
	const char *trigger = ipc_trigger_name(all->last_trigger);
	const struct store_rotation row = {
		.enabled = enabled,
		.last_trigger = or_null(trigger),
		.last_result = or_null(all->last_result),
		.last_candidate_result = or_null(all->last_candidate_result),
		.last_health_error = or_null(all->last_health_error),
		.last_candidate_id = all->last_candidate_id,
		.last_rotated_at = c->rotated_at,
		.next_timer_at = c->next_timer_at,
		.last_health_check_at = c->checked_at,
		.consecutive_health_failures = c->failures,
		.pending_health_recovery = c->recovery,
	};

	return store_rotation_put(all->daemon->store, &row, e);
}

/* As it is when the database is free. */
static int write_state(struct daemon *d, void *ctx, struct err *e)
{
	struct rotation *all = ctx;

	(void)d;
	return rotation_write(all, all->enabled, e);
}

static void on_written(struct daemon *d, void *ctx, int r, struct err *e)
{
	(void)ctx;
	if (r < 0)
		daemon_log(d, SEV_ERROR, "rotation", "its state cannot be kept: %s", err_text(e));
}

void rotation_keep(struct rotation *all)
{
	ledger_ask(all->daemon, &(struct ledger_ask){ .write = write_state, .done = on_written, .ctx = all, .once = true });
}

static int trigger_of(const char *name)
{
	for (int t = 0; name && t < IPC_TRIGGER__N; t++)
		if (str_is(str_of(name), ipc_trigger_name(t)))
			return t;
	return IPC_TRIGGER_NONE;
}

static void take_text(char *to, const char *from)
{
	str_print(to, ROTATION_TEXT_BYTES, "%s", from ? from : "");
}

static void take_row(struct rotation *all, const struct store_rotation *row)
{
	struct rotation_core *c = &all->core;

	all->enabled = row->enabled;
	all->last_trigger = trigger_of(row->last_trigger);
	all->last_candidate_id = row->last_candidate_id;
	take_text(all->last_result, row->last_result);
	take_text(all->last_candidate_result, row->last_candidate_result);
	if (str_is(str_of(all->last_candidate_result), being_proved)) /* when that daemon ended */
		take_text(all->last_candidate_result, rotation_result_names[ROTATION_INTERRUPTED]);
	take_text(all->last_health_error, row->last_health_error);
	c->rotated_at = row->last_rotated_at;
	c->next_timer_at = row->next_timer_at;
	c->checked_at = row->last_health_check_at;
	c->failures = row->consecutive_health_failures;
	c->recovery = row->pending_health_recovery;
}

int rotation_read(struct rotation *all, struct err *e)
{
	struct arena *volatile a = arena_new();
	struct store_rotation row;
	jmp_buf oom;
	int r;

	if (!a || setjmp(oom)) {
		arena_free(a);
		return err_sys(e, -ENOMEM, "read how rotation stands");
	}
	arena_on_oom(a, &oom);
	r = store_rotation_get(all->daemon->store, a, &row, e);
	if (!r)
		take_row(all, &row);
	arena_free(a);
	return r;
}
