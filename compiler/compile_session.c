/* The front end of sessions: config.toml and one node, or many, become the desired state that a role file would be, and go
 * through the same stages. */
#include <errno.h>

#include "compiler/pick.h"
#include "compiler/session_impl.h"

/* Memory that runs out anywhere below ends here. */
static int guarded(struct arena *a, int (*run)(struct arena *a, void *ctx, struct err *e), void *ctx, struct err *e)
{
	jmp_buf oom, *volatile outer = arena_on_oom(a, NULL);
	int r;

	if (setjmp(oom)) {
		arena_on_oom(a, outer);
		return err_sys(e, -ENOMEM, "compile a session");
	}
	arena_on_oom(a, &oom);
	r = run(a, ctx, e);
	arena_on_oom(a, outer);
	return r;
}

/* --- config.toml --------------------------------------------------------------------------------------------------- */
struct reading {
	struct diag_sink *sink;
	int root_fd;
	const char *root;
	struct compiled *c;
};

static int read_config(struct arena *a, void *ctx, struct err *e)
{
	const struct reading *rd = ctx;
	struct compiled *c = rd->c;
	int r;

	*c = (struct compiled){ .in = { .root = rd->root, .role = ROLE_CLIENT }, .desired = { .role = ROLE_CLIENT } };
	r = load_config(a, rd->sink, rd->root_fd, &c->in, e);
	if (!r)
		decode_config(a, rd->sink, c->in.has_config ? &c->in.config_toml : NULL, &c->config);
	return r;
}

int compile_config(struct arena *a, struct diag_sink *sink, int root_fd, const char *root, struct compiled *ret_compiled,
		   struct err *e)
{
	struct reading rd = { sink, root_fd, root, ret_compiled };

	return guarded(a, read_config, &rd, e);
}

/* Secrets of what the session opens: another one that is missing is no fault of it. */
static void resolve_secrets(struct arena *a, const struct reading *rd, const struct session_options *o)
{
	const struct load_options load = { .missing_secret_is_warning = o->missing_secret_is_warning };
	struct config_inbound *socks = &rd->c->config.runtime.socks, *http = &rd->c->config.runtime.http,
			      *ss = &rd->c->config.runtime.shadowsocks;
	struct secret *wanted[3];
	uint32_t n = 0;

	if (socks->enabled.v && socks->auth.enabled.v && socks->auth.password.set)
		wanted[n++] = &socks->auth.password;
	if (http->enabled.v && http->auth.enabled.v && http->auth.password.set)
		wanted[n++] = &http->auth.password;
	if (ss->enabled.v && ss->password.set)
		wanted[n++] = &ss->password;
	load_secrets(a, rd->sink, rd->root_fd, &rd->c->in.log, &load, wanted, n);
}

static const struct target *target_of(const struct reading *rd, const struct session_options *o)
{
	const struct target *t = o->target ? o->target : pick_target(rd->sink, &rd->c->config, NULL);

	return t ? t : target_default(); /* an error by now; the other faults are wanted all the same */
}

/* --- one node ------------------------------------------------------------------------------------------------------ */
struct one {
	struct reading rd;
	const struct node *node;
	const struct session_options *o;
};

static void add_probe(struct arena *a, const struct session_options *o, struct session *s)
{
	struct xray_inbound *probe = arena_new_of(a, struct xray_inbound);

	if (!o->probe_port)
		return;
	*probe = session_probe(o, a, SESSION_TAG_PROBE, o->probe_port);
	s->probes = (struct list){ .v = probe, .n = 1, .set = true };
}

static int compile_one(struct arena *a, void *ctx, struct err *e)
{
	struct one *one = ctx;
	const struct session_options *o = one->o;
	const struct compile_options options = { .missing_file_is_error = o->missing_file_is_error };
	const struct session_node node = { o->node_id, one->node };
	struct endpoint *endpoint = arena_new_of(a, struct endpoint);
	struct session *s = arena_new_of(a, struct session);
	struct compiled *c = one->rd.c;
	int r = read_config(a, &one->rd, e);

	if (r)
		return r;
	c->target = target_of(&one->rd, o);
	resolve_secrets(a, &one->rd, o);
	session_fill(a, c, o, s);
	add_probe(a, o, s);
	*endpoint = session_endpoint(a, one->rd.sink, &node, SESSION_TAG_NODE, 0);
	c->desired.client.endpoints = (struct list){ .v = endpoint, .n = 1, .set = true };
	norm_node(&(struct norm){ a, one->rd.sink, &c->desired }, endpoint);
	compile_desired(a, one->rd.sink, &options, c);
	return 0;
}

int compile_session(struct arena *a, struct diag_sink *sink, int root_fd, const char *root, const struct node *node,
		    const struct session_options *o, struct compiled *ret_compiled, struct err *e)
{
	struct one one = { { sink, root_fd, root, ret_compiled }, node, o };

	return guarded(a, compile_one, &one, e);
}

/* --- many nodes ---------------------------------------------------------------------------------------------------- */
struct many {
	struct reading rd;
	struct session_test *tests;
	size_t n;
	const struct session_options *o;
	struct session *session;
	struct endpoint *all;    /* as read, one a test */
	uint32_t *test_of;       /* by source of an endpoint: its test, from 1 */
	uint32_t n_sources;
};

static void read_nodes(struct arena *a, struct many *m)
{
	m->all = arena_array(a, struct endpoint, m->n);
	for (size_t i = 0; i < m->n; i++) {
		struct session_test *t = &m->tests[i];
		t->refused = NULL;
		m->all[i] = session_endpoint(a, m->rd.sink, &t->node, arena_printf(a, "test-%zu", i + 1), i + 1);
	}
	m->n_sources = sources_count(diag_sources(m->rd.sink)) + 1;
	m->test_of = arena_array(a, uint32_t, m->n_sources);
	for (size_t i = 0; i < m->n; i++)
		m->test_of[m->all[i].at.src] = (uint32_t)i + 1;
}

/* The nodes that are left, normalised afresh: the attempt before left its defaults in them. */
static void take_nodes(struct arena *a, const struct many *m, struct diag_sink *sink, struct compiled *c)
{
	struct endpoint *e = arena_array(a, struct endpoint, m->n);
	struct xray_inbound *probes = arena_array(a, struct xray_inbound, m->n);
	const struct norm nm = { a, sink, &c->desired };
	uint32_t n = 0;

	for (size_t i = 0; i < m->n; i++) {
		if (m->tests[i].refused)
			continue;
		e[n] = m->all[i];
		norm_node(&nm, &e[n]);
		probes[n++] = session_probe(m->o, a, arena_printf(a, "%s-in", m->all[i].tag.s), m->tests[i].port);
	}
	c->desired.client.endpoints = (struct list){ .v = e, .n = n, .set = true };
	m->session->probes = (struct list){ .v = probes, .n = n, .set = true };
}

/* Lays the blame of each error on the node it is about; false when one is about none. */
static bool blame(struct arena *a, const struct many *m, const struct diag_sink *sink)
{
	bool all = true;

	for (unsigned i = 0; i < diag_total(sink); i++) {
		const struct diag *d = diag_at(sink, i);
		uint32_t test = d->at.src < m->n_sources ? m->test_of[d->at.src] : 0;
		if (d->severity != SEV_ERROR)
			continue;
		if (!test)
			all = false;
		else if (!m->tests[test - 1].refused)
			m->tests[test - 1].refused = arena_printf(a, "%s: %s", diag_infos[d->code].name, d->msg);
	}
	return all;
}

/* One attempt with the nodes that are left. 0: done, or nothing is left; 1: some were refused, try again; 2: a fault that is
 * about no node. */
static int attempt(struct arena *a, const struct many *m, struct diag_sink *sink, struct compiled *c)
{
	const struct compile_options options = { .missing_file_is_error = m->o->missing_file_is_error };
	struct compiled before = *c;

	take_nodes(a, m, sink, c);
	if (!c->desired.client.endpoints.n)
		return 0;
	compile_desired(a, sink, &options, c);
	if (!diag_count(sink, SEV_ERROR))
		return 0;
	*c = before;
	return blame(a, m, sink) ? 1 : 2;
}

/* Faults of nodes are told node by node, so the attempts have sinks of their own; the caller's gets what is left. */
static int compile_all(struct arena *a, void *ctx, struct err *e)
{
	struct many *m = ctx;
	struct compiled *c = m->rd.c;
	int r = read_config(a, &m->rd, e);

	if (r)
		return r;
	c->target = target_of(&m->rd, m->o);
	m->session = arena_new_of(a, struct session);
	m->session->test = true;
	session_fill(a, c, m->o, m->session);
	read_nodes(a, m);
	if (diag_count(m->rd.sink, SEV_ERROR))
		return 0;
	do
		r = attempt(a, m, diag_sink_new(a, diag_sources(m->rd.sink)), c);
	while (r == 1);
	if (r == 2)
		attempt(a, m, m->rd.sink, c);
	return 0;
}

int compile_test(struct arena *a, struct diag_sink *sink, int root_fd, const char *root, struct session_test *tests,
		 size_t n, const struct session_options *o, struct compiled *ret_compiled, struct err *e)
{
	struct many many = { .rd = { sink, root_fd, root, ret_compiled }, .tests = tests, .n = n, .o = o };

	return guarded(a, compile_all, &many, e);
}
