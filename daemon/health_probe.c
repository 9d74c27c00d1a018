/* Work: how an active session is. Its listeners, then a request through its node; when that fails, whether it is our own
 * network that is down. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/rotation_impl.h"
#include "fetch/fetch.h"
#include "runtime/runtime.h"

/* --- what is asked --- */
static bool copy_inbounds(struct health_probe *p, const struct session_view *v)
{
	const struct store_session *row = v->row;
	const struct {
		const struct store_endpoint *at;
		const char *name;
		bool is_seen;
	} rows[HEALTH_INBOUNDS] = {
		{ &row->socks, "socks", true },
		{ &row->http, "http", true },
		{ &row->shadowsocks, "shadowsocks", !v->is_udp_only },
	};

	for (int i = 0; i < HEALTH_INBOUNDS; i++) {
		if (!rows[i].at->host || !rows[i].is_seen)
			continue;
		p->inbounds[i].name = rows[i].name;
		p->inbounds[i].port = (unsigned)rows[i].at->port;
		p->inbounds[i].host = strdup(probe_own_address(rows[i].at->host));
		if (!p->inbounds[i].host)
			return false;
	}
	return true;
}

static bool make_proxy(struct health_probe *p, const struct session_view *v)
{
	if (v->probe_port)
		p->proxy = fetch_local_proxy(v->probe_user, v->probe_password, v->probe_port);
	return !v->probe_port || p->proxy;
}

struct health_probe *health_probe_new(struct daemon *d, const struct session_view *v)
{
	struct health_probe *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->session_id = v->id;
	p->node_id = v->node_id;
	p->root_fd = d->root_fd;
	p->url = strdup(d->config->runtime.rotation.probe_url.s);
	p->database = strdup(d->database);
	if (p->url && p->database && copy_inbounds(p, v) && make_proxy(p, v))
		return p;
	health_probe_free(p);
	return NULL;
}

void health_probe_free(struct health_probe *p)
{
	if (p->proxy) /* has a password */
		explicit_bzero(p->proxy, strlen(p->proxy));
	free(p->proxy);
	free(p->url);
	free(p->database);
	for (int i = 0; i < HEALTH_INBOUNDS; i++)
		free(p->inbounds[i].host);
	free(p);
}

/* --- asking --- */
static bool inbounds_answer(struct work *w, struct health_probe *p)
{
	const struct network_world world = { .limit_ms = HEALTH_REACH_MS, .abort = work_abort, .data = w };

	for (int i = 0; i < HEALTH_INBOUNDS; i++) {
		const struct network_node at = { p->inbounds[i].host, p->inbounds[i].port };

		if (at.address && !network_answers(&world, &at)) {
			p->kind = "runtime_inbound_unreachable";
			snprintf(p->why, sizeof(p->why), "the %s listener on port %u does not answer", p->inbounds[i].name, at.port);
			return false;
		}
	}
	return true;
}

static bool request_passes(struct work *w, struct health_probe *p)
{
	const struct fetch_options o = { .proxy = p->proxy, .timeout_ms = HEALTH_REQUEST_MS, .abort = work_abort, .data = w };
	struct fetch_probe_result result;
	struct err e = { 0 };
	int r = fetch_probe(p->url, &o, &result, &e);
	bool passes = !r && fetch_probe_is_good(&result);

	p->ms = (int64_t)result.total_ms;
	if (!passes)
		p->kind = "runtime_data_plane_failed";
	if (r)
		str_print(p->why, sizeof(p->why), "%s", err_text(&e));
	else if (!passes)
		snprintf(p->why, sizeof(p->why), "the answer to the probe has status %ld", result.status);
	err_fini(&e);
	return passes;
}

/* Whose fault it is. What cannot be found out speaks against the node. */
static void blame(struct work *w, struct arena *a, struct health_probe *p)
{
	enum network_state state = NETWORK_UP;
	struct store *store;
	jmp_buf oom, *outer;

	p->verdict = ROTATION_BAD;
	if (rotation_open_store(p->root_fd, p->database, &store, NULL))
		return;
	outer = arena_on_oom(a, NULL);
	if (setjmp(oom)) {
		arena_on_oom(a, outer);
		store_close(store);
		return; /* what `state` holds is not known */
	}
	arena_on_oom(a, &oom);
	rotation_look_at_network(w, a, store, p->node_id, &state, NULL);
	arena_on_oom(a, outer);
	store_close(store);
	if (state == NETWORK_UP)
		return;
	p->verdict = ROTATION_NOT_ITS_FAULT;
	snprintf(p->why, sizeof(p->why), "%s", network_state_words[state]);
}

int health_probe_run(struct work *w, struct arena *a, void *ctx, struct err *e)
{
	struct health_probe *p = ctx;

	(void)e;
	p->verdict = ROTATION_BAD;
	if (!inbounds_answer(w, p))
		return 0; /* ours: the network has no part in it */
	if (!p->proxy || request_passes(w, p))
		p->verdict = ROTATION_GOOD;
	else if (!work_is_cancelled(w))
		blame(w, a, p);
	return work_is_cancelled(w) ? -ECANCELED : 0;
}
