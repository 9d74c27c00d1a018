/* Requests: redirects are followed here and not by libcurl, because what may go along depends on where they lead. */
#include "fetch/fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fetch/fetch_impl.h"

int fetch_init(void)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) ? -ENOMEM : 0;
}

void fetch_fini(void)
{
	curl_global_cleanup();
}

/* A GET with its redirects. */
struct walk {
	struct fetch_transfer t;
	const struct fetch_options *o;
	struct fetch_result *ret;
	struct fetch_target first, here; /* what the caller named; where the redirects have led */
	int64_t deadline_ms;
};

static bool is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool may_follow(const struct walk *w, const struct fetch_target *next)
{
	return next->secure || !w->here.secure || w->o->allow_downgrade;
}

/* To where the last answer points. FETCH_OK, or why not. */
static enum fetch_outcome move_on(struct walk *w)
{
	struct fetch_target next;
	enum fetch_outcome outcome;
	char *url = NULL;

	if (curl_easy_getinfo(w->t.easy, CURLINFO_REDIRECT_URL, &url) || !url)
		return FETCH_BROKEN;
	if (w->ret->redirects == FETCH_MAX_REDIRECTS)
		return FETCH_REDIRECT;
	outcome = fetch_target_init(&next, url);
	if (outcome == FETCH_BAD_URL || (!outcome && !may_follow(w, &next)))
		outcome = FETCH_REDIRECT;
	if (outcome) {
		fetch_target_fini(&next);
		return outcome;
	}
	fetch_target_fini(&w->here);
	w->here = next;
	w->ret->redirects++;
	return FETCH_OK;
}

static enum fetch_outcome judge(const struct walk *w, long status)
{
	if (status == 304 && (w->o->etag || w->o->last_modified))
		return FETCH_NOT_MODIFIED;
	return status >= 200 && status < 300 ? FETCH_OK : FETCH_STATUS;
}

/* One request; credentials come from the first URL and go to its origin alone. */
static enum fetch_outcome ask(struct walk *w)
{
	int64_t now = clock_mono_ms();
	bool own = str_is_nocase(str_of(w->here.origin), w->first.origin);
	struct fetch_target to = { .url = w->here.url, .user = w->first.user, .password = w->first.password };

	if (now >= w->deadline_ms)
		return FETCH_TIMEOUT;
	return transfer_run(&w->t, &to, own, (long)(w->deadline_ms - now));
}

static enum fetch_outcome follow(struct walk *w)
{
	enum fetch_outcome outcome;

	for (;;) {
		outcome = ask(w);
		w->ret->status = w->t.status;
		if (outcome)
			return outcome;
		if (!is_redirect(w->t.status))
			return judge(w, w->t.status);
		outcome = move_on(w);
		if (outcome)
			return outcome;
	}
}

/* The body and the name change hands. */
static enum fetch_outcome hand_over(struct walk *w)
{
	struct fetch_result *r = w->ret;

	if (!r->title) {
		r->title = w->t.disposition;
		w->t.disposition = NULL;
	}
	if (r->outcome != FETCH_OK)
		return r->outcome;
	buf_putc(&w->t.body, '\0');
	if (w->t.body.failed)
		return FETCH_SYSTEM;
	r->len = w->t.body.len - 1;
	r->body = w->t.body.p;
	w->t.body = (struct buf){ 0 };
	return FETCH_OK;
}

int fetch_get(const char *url, const struct fetch_options *o, struct fetch_result *ret, struct err *e)
{
	struct walk w = { .o = o, .ret = ret };

	*ret = (struct fetch_result){ 0 };
	w.deadline_ms = clock_mono_ms() + (o->timeout_ms ? o->timeout_ms : FETCH_TIMEOUT_MS);
	ret->outcome = transfer_init(&w.t, o, o->max_bytes ? o->max_bytes : FETCH_MAX_BYTES);
	w.t.keep_body = true;
	w.t.ret = ret;
	if (!ret->outcome)
		ret->outcome = fetch_target_init(&w.first, url);
	if (!ret->outcome)
		ret->outcome = fetch_target_init(&w.here, url);
	if (!ret->outcome)
		ret->outcome = follow(&w);
	ret->outcome = hand_over(&w);
	fetch_target_fini(&w.first);
	fetch_target_fini(&w.here);
	transfer_fini(&w.t);
	return fetch_explain(ret->outcome, ret->status, o, url, e);
}

void fetch_result_fini(struct fetch_result *r)
{
	free(r->body);
	free(r->etag);
	free(r->last_modified);
	free(r->title);
	free(r->content_type);
	*r = (struct fetch_result){ 0 };
}
