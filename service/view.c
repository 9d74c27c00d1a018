/* What a role shows of itself: the status file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/keeper.h"

/* Texts of the status live in one arena that is made anew each time, so that years of changes cost nothing. */
static void repack(struct keeper *r)
{
	struct status *s = &r->status;
	const char **const members[] = { &s->desired.digest, &s->desired.state, &s->desired.reason, &s->desired.since,
					 &s->last.outcome, &s->last.request_id, &s->last.reason, &s->last.time };
	struct arena *a = arena_new();

	if (!a)
		return;
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		*members[i] = arena_strdup(a, *members[i] ? *members[i] : "");
	arena_free(r->status_a);
	r->status_a = a;
}

void keeper_set_desired(struct keeper *r, const char *digest, const char *state, const char *reason)
{
	char now[CLOCK_TEXT];
	bool same = r->status.desired.state && str_is(str_of(r->status.desired.state), state) &&
		    str_is(str_of(r->status.desired.digest), digest ? digest : "");

	clock_text(now);
	r->status.desired.digest = digest;
	r->status.desired.state = state;
	r->status.desired.reason = reason;
	if (!same)
		r->status.desired.since = now;
	repack(r);
}

void keeper_set_last(struct keeper *r, const char *outcome, uint64_t generation, const char *request_id, const char *reason)
{
	char now[CLOCK_TEXT];

	clock_text(now);
	r->status.last.outcome = outcome;
	r->status.last.request_id = request_id;
	r->status.last.reason = reason;
	r->status.last.time = now;
	r->status.last.generation = generation;
	repack(r);
}

const char *keeper_words(struct keeper *r, struct arena *a, const char *words)
{
	struct diag_sink *sink = diag_sink_new(a, sources_new(a));
	struct compiled c = { .has_merged = true };
	struct err ignored = { 0 };
	struct value xray;
	struct str bytes;
	uint32_t src;
	int bad;

	if (!words || !*words || !r->told)
		return words ? words : "";
	bad = generation_bytes(a, &r->service->state, r->which, r->told, &bytes, &ignored);
	err_fini(&ignored);
	if (bad)
		return "its words are not shown, because its configuration cannot be read";
	src = sources_add((struct sources *)diag_sources(sink), "xray.json", bytes.p, (uint32_t)bytes.len);
	if (json_parse(a, sink, src, true, &xray))
		return "its words are not shown, because its configuration cannot be read";
	xconf_from_value(a, &xray, target_default(), &c.merged.x);
	return failure_mask_text(a, failure_mask_new(a, &c), words);
}

static const char *digest_of(struct arena *a, const struct keeper *r, uint64_t generation)
{
	struct err ignored = { 0 };
	struct meta m;
	int bad = !generation || generation_meta(a, &r->service->state, r->which, generation, &m, &ignored);

	err_fini(&ignored);
	return bad ? "" : m.rendered_digest;
}

static void fill_engine(struct arena *a, struct keeper *r, struct status *s)
{
	struct sup_view v;
	char next[CLOCK_TEXT];

	sup_view(r->sup, &v);
	s->engine.state = sup_state_names[v.state];
	s->engine.reason = r->engine_trouble && *r->engine_trouble ? r->engine_trouble :
								     r->engine_reason;
	s->engine.since = r->engine_since;
	s->engine.process = v.process;
	s->engine.generation = r->told;
	s->engine.path = r->told ? r->spec.exe : "";
	s->engine.target = r->told ? r->spec.target->name : "";
	s->engine.file = r->told ? r->spec.file : "";
	if (r->told && r->spec.probe.port)
		s->engine.listening = arena_printf(a, strchr(r->spec.probe.address, ':') ? "[%s]:%u" : "%s:%u",
						   r->spec.probe.address, r->spec.probe.port);
	s->engine.ownership_proved = v.ownership_proved;
	s->engine.proved = r->told && (r->told == r->lkg || r->told == r->proved);
	s->engine.starts = v.starts;
	s->engine.next_start = "";
	if (v.state == SUP_BACKOFF) {
		clock_text_in(v.next_start_ms - clock_mono_ms(), next);
		s->engine.next_start = arena_strdup(a, next);
	}
}

static void fill_status(struct arena *a, struct keeper *r, struct status *ret_status)
{
	struct status s = r->status;
	struct watcher_stats w = { 0 };

	s.service_pid = r->service->pid;
	s.service_started = r->service->started;
	s.live = r->live;
	s.lkg = r->lkg;
	s.live_digest = digest_of(a, r, r->live);
	s.lkg_digest = digest_of(a, r, r->lkg);
	if (r->service->watcher)
		watcher_stats(r->service->watcher, &w);
	s.polling = w.polling;
	s.warning = w.polling && w.why_polling ? w.why_polling : "";
	fill_engine(a, r, &s);
	*ret_status = s;
}

static void write_status(struct arena *a, struct keeper *r)
{
	struct status s;
	struct err e = { 0 };

	fill_status(a, r, &s);
	if (status_write(a, &r->service->state, &s, &e) && !r->status_failed)
		log_line(&r->service->log, SEV_WARNING, role_names[r->which], "%s", err_text(&e));
	r->status_failed = e.code != 0;
	err_fini(&e);
}

/* A role that has no file and never had one needs no status either. */
static bool is_worth_telling(const struct keeper *r)
{
	const char *state = r->status.desired.state;

	return r->live || r->lkg || (state && *state && !str_is(str_of(state), "absent"));
}

void keeper_publish_status(struct keeper *r)
{
	struct arena *volatile a = arena_new();
	jmp_buf oom;

	if (!a || r->off || !is_worth_telling(r)) {
		arena_free(a);
		return;
	}
	if (r->service->has_state && r->sup && !setjmp(oom)) {
		arena_on_oom(a, &oom);
		write_status(a, r);
	}
	arena_free(a);
}

int service_role_status(struct service *s, struct arena *a, enum role role, struct value *ret_status)
{
	struct keeper *r = &s->keepers[role];
	struct status status;

	if (r->off || !s->has_state || !r->sup || !is_worth_telling(r))
		return 1;
	fill_status(a, r, &status);
	*ret_status = status_value(a, &status);
	return 0;
}
