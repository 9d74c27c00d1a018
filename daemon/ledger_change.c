/* What a change is: how it is written, copied, told. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ledger_impl.h"

/* --- rows of sessions --- */
static int write_moves(struct daemon *d, struct ledger_change *c, struct err *e)
{
	int r = store_begin(d->store, false, e);

	if (r)
		return r;
	for (c->rows.at = 0; c->rows.at < c->rows.n; c->rows.at++) {
		const struct ledger_row *m = &c->rows.v[c->rows.at];

		r = store_session_move(d->store, m->row.id, m->from, m->to, c->at_ms, &m->row, m->parts, e);
		if (r)
			break;
	}
	if (!r)
		r = store_commit(d->store, e);
	if (r)
		store_rollback(d->store);
	return r;
}

static int write_set(struct daemon *d, struct ledger_change *c, struct err *e)
{
	const struct ledger_row *m = &c->rows.v[0];

	return store_session_set(d->store, m->row.id, c->at_ms, &m->row, m->parts, e);
}

static void row_over(struct daemon *d, struct ledger_change *c, int r, struct err *e)
{
	size_t last = c->rows.n - 1;
	char who[40];

	if (!r)
		return;
	snprintf(who, sizeof(who), "session %lld", (long long)c->rows.v[c->rows.at < last ? c->rows.at : last].row.id);
	daemon_log(d, SEV_ERROR, who, "its row cannot be written: %s",
		   r == STORE_STALE ? "somebody else has changed its state" : r == STORE_MISSING ? "it is not there any more" :
		   err_text(e));
}

static void moves_lost(struct daemon *d, struct ledger_change *c)
{
	for (size_t i = 0; i < c->rows.n; i++) {
		const struct ledger_row *m = &c->rows.v[i];
		char who[40];

		snprintf(who, sizeof(who), "session %lld", (long long)m->row.id);
		daemon_log(d, SEV_ERROR, who, "its row cannot be written, as %s: '%s' to '%s'",
			   ledger_why(d) == -ENOSPC ? "there is no room" : "another process holds the database", store_status_names[m->from], store_status_names[m->to]);
	}
}

static void nothing_lost(struct daemon *d, struct ledger_change *c)
{
	(void)d;
	(void)c;
}

enum { ROW_TEXTS = 9 };
static size_t row_texts(struct ledger_change *c, const char ***ret_texts)
{
	size_t n = 0;

	for (size_t i = 0; i < c->rows.n; i++) {
		struct store_session *s = &c->rows.v[i].row;
		const char **const all[ROW_TEXTS] = {
			&s->boot_id, &s->engine, &s->engine_config_path, &s->socks.host, &s->http.host, &s->shadowsocks.host,
			&s->failure_reason, &s->reason_code, &s->owner_instance_id,
		};

		memcpy(ret_texts + n, all, sizeof(all));
		n += ROW_TEXTS;
	}
	return n;
}

const struct ledger_kind ledger_kind_move = { write_moves, row_over, moves_lost, row_texts, .waits_for_room = true };
const struct ledger_kind ledger_kind_set = { write_set, row_over, nothing_lost, row_texts, .waits_for_room = true };

/* --- events --- */
static int write_event(struct daemon *d, struct ledger_change *c, struct err *e)
{
	return store_event_add(d->store, &c->event, NULL, e);
}

static void event_over(struct daemon *d, struct ledger_change *c, int r, struct err *e)
{
	if (r)
		daemon_log(d, SEV_ERROR, c->event.source, "the event cannot be written: %s", err_text(e));
}

static size_t event_texts(struct ledger_change *c, const char ***ret_texts)
{
	const char **const all[] = { &c->event.source, &c->event.kind, &c->event.message, &c->event.detail };

	memcpy(ret_texts, all, sizeof(all));
	return sizeof(all) / sizeof(*all);
}

const struct ledger_kind ledger_kind_event = { write_event, event_over, nothing_lost, event_texts, .may_be_lost = true };

/* --- cooldowns --- */
static void cooldown_fault(struct daemon *d, int64_t node_id, int r, const struct err *e)
{
	if (r < 0)
		daemon_log(d, SEV_ERROR, "rotation", "the cooldown of node %lld cannot be written: %s", (long long)node_id, err_text(e));
}

static int write_cool(struct daemon *d, struct ledger_change *c, struct err *e)
{
	const struct ledger_cooldown *in = &c->cooldown.in;

	return store_cooldown_fail(d->store, in->node_id, in->reason, in->base_ms, in->max_ms, c->at_ms, &c->cooldown.until_ms, e);
}

static void cool_over(struct daemon *d, struct ledger_change *c, int r, struct err *e)
{
	const struct ledger_cooldown *in = &c->cooldown.in;

	cooldown_fault(d, in->node_id, r, e);
	if (!r)
		in->cooled(d, in->node_id, c->cooldown.until_ms - c->at_ms);
}

static size_t cool_texts(struct ledger_change *c, const char ***ret_texts)
{
	ret_texts[0] = &c->cooldown.in.reason;
	return 1;
}

static int write_forgive(struct daemon *d, struct ledger_change *c, struct err *e)
{
	return store_cooldown_clear(d->store, c->node_id, e);
}

static void forgive_over(struct daemon *d, struct ledger_change *c, int r, struct err *e)
{
	cooldown_fault(d, c->node_id, r, e);
}

const struct ledger_kind ledger_kind_cool = { write_cool, cool_over, nothing_lost, cool_texts, .waits_for_room = true };
const struct ledger_kind ledger_kind_forgive = { write_forgive, forgive_over, nothing_lost, .waits_for_room = true };

/* --- what somebody waits for --- */
static int write_ask(struct daemon *d, struct ledger_change *c, struct err *e)
{
	return c->ask.write ? c->ask.write(d, c->ask.ctx, e) : 0;
}

static void ask_over(struct daemon *d, struct ledger_change *c, int r, struct err *e)
{
	c->ask.done(d, c->ask.ctx, r, e);
}

static void ask_lost(struct daemon *d, struct ledger_change *c)
{
	struct err e = { 0 };
	int r = ledger_why(d);

	if (r == -ENOSPC)
		err_set(&e, r, "there is no room for the database '%s'", d->database);
	else
		err_set(&e, r, "another process has held the database '%s' for %lld s%s", d->database,
		(long long)(clock_mono_ms() - c->since_ms) / 1000, c->ask.patience_ms ? "; try again when it is done" : "");
	c->ask.done(d, c->ask.ctx, r, &e);
	err_fini(&e);
}

const struct ledger_kind ledger_kind_ask = { write_ask, ask_over, ask_lost, .may_be_lost = false };

/* --- copies --- */
enum { TEXTS_MAX = LEDGER_MOVES * ROW_TEXTS };

static size_t texts_of(struct ledger_change *c, const char **ret_texts[TEXTS_MAX])
{
	return c->kind->texts ? c->kind->texts(c, ret_texts) : 0;
}

struct ledger_change *ledger_change_copy(struct ledger_change *c)
{
	const char **texts[TEXTS_MAX];
	size_t n = texts_of(c, texts), len = sizeof(*c);
	struct ledger_change *copy;
	char *to;

	for (size_t i = 0; i < n; i++)
		len += *texts[i] ? strlen(*texts[i]) + 1 : 0;
	copy = malloc(len);
	if (!copy)
		return NULL;
	*copy = *c;
	to = (char *)(copy + 1);
	n = texts_of(copy, texts);
	for (size_t i = 0; i < n; i++)
		if (*texts[i]) {
			len = strlen(*texts[i]) + 1;
			*texts[i] = memcpy(to, *texts[i], len);
			to += len;
		}
	return copy;
}

/* --- what a row will say --- */
static void take_process(struct store_session *to, const struct store_session *from)
{
	to->process_id = from->process_id;
	to->process_start_ticks = from->process_start_ticks;
	to->boot_id = from->boot_id;
	to->executable_dev = from->executable_dev;
	to->executable_inode = from->executable_inode;
}

static void take_path(struct store_session *to, const struct store_session *from)
{
	to->engine = from->engine;
	to->engine_config_path = from->engine_config_path;
}

static void take_inbounds(struct store_session *to, const struct store_session *from)
{
	to->socks = from->socks;
	to->http = from->http;
	to->shadowsocks = from->shadowsocks;
}

static void take_owner(struct store_session *to, const struct store_session *from)
{
	to->owner = from->owner;
	to->owner_instance_id = from->owner_instance_id;
}

static void take_reason(struct store_session *to, const struct store_session *from)
{
	to->reason_code = from->reason_code;
}

static void take_failure(struct store_session *to, const struct store_session *from)
{
	to->failure_reason = from->failure_reason;
}

static void take_parts(struct store_session *to, const struct ledger_row *m)
{
	static const struct {
		enum store_session_parts bit;
		void (*take)(struct store_session *to, const struct store_session *from);
	} parts[] = {
		{ STORE_S_PROCESS, take_process }, { STORE_S_CONFIG_PATH, take_path }, { STORE_S_INBOUNDS, take_inbounds },
		{ STORE_S_OWNER, take_owner },     { STORE_S_REASON, take_reason },    { STORE_S_FAILURE, take_failure },
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (m->parts & parts[i].bit)
			parts[i].take(to, &m->row);
}

static bool is_of_rows(const struct ledger_change *c)
{
	return c->kind == &ledger_kind_move || c->kind == &ledger_kind_set;
}

void ledger_change_apply(const struct ledger_change *c, struct store_session *row)
{
	for (size_t i = 0; is_of_rows(c) && i < c->rows.n; i++) {
		const struct ledger_row *m = &c->rows.v[i];

		if (m->row.id != row->id)
			continue;
		take_parts(row, m);
		if (c->kind == &ledger_kind_set)
			continue;
		row->status = m->to;
		if (m->to == STORE_RUNNING)
			row->started_at = c->at_ms;
		if (m->to == STORE_STOPPED || m->to == STORE_FAILED_SESSION)
			row->stopped_at = c->at_ms;
	}
}

int64_t ledger_change_session(const struct ledger_change *c)
{
	int64_t id = 0;

	for (size_t i = 0; is_of_rows(c) && i < c->rows.n; i++)
		if (c->rows.v[i].row.id > id)
			id = c->rows.v[i].row.id;
	return id;
}
