/* A session before it runs: its node from the store, then, as work, config.toml and the node through the compiler into
 * session-N.json, past the engine's own checker. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/ports.h"
#include "daemon/session_impl.h"

enum { POLL_MS = 20, PROOF_TERM_MS = 2000 };
/* Ports of the proof, and one for the probe of what stays. */
enum { PORT_SOCKS, PORT_HTTP, PORT_SHADOWSOCKS, PORT_PROOF, PORT_PROBE, PORT__N };

/* --- a session as a thing --- */
static int read_node(struct daemon *d, struct session_life *s, int64_t node_id, struct err *e)
{
	jmp_buf oom;
	int r;

	if (setjmp(oom)) {
		arena_on_oom(s->a, NULL);
		return err_sys(e, -ENOMEM, "read node %lld", (long long)node_id);
	}
	arena_on_oom(s->a, &oom);
	s->probe_url = arena_strdup(s->a, d->config->runtime.rotation.probe_url.s);
	s->row.owner_instance_id = arena_strdup(s->a, d->instance_id);
	r = node_id ? store_node_get(d->store, s->a, node_id, SPAN_NONE, &s->node, e) : 0;
	arena_on_oom(s->a, NULL);
	return r;
}

int session_new(struct daemon *d, int64_t node_id, struct session_life **ret_session, struct err *e)
{
	struct arena *a = arena_new();
	struct session_life *s = a ? arena_try_alloc(a, sizeof(*s)) : NULL;
	int r;

	if (!s) {
		arena_free(a);
		return err_sys(e, -ENOMEM, "make a session");
	}
	s->a = a;
	s->holders = 1;
	s->row.node_id = node_id;
	s->row.owner = STORE_OWNER_DAEMON;
	r = read_node(d, s, node_id, e);
	if (r)
		arena_free(a);
	else
		*ret_session = s;
	return r;
}

char *session_copy(struct session_life *s, const char *text)
{
	size_t len = strlen(text) + 1;
	char *kept = arena_try_alloc(s->a, len);

	return kept ? memcpy(kept, text, len) : NULL;
}

struct session_life *session_hold(struct session_life *s)
{
	s->holders++;
	return s;
}

void session_drop(struct session_life *s)
{
	if (s && !--s->holders)
		arena_free(s->a);
}

void session_plan_begin(struct plan *p, struct session_life *s, const struct daemon *d, bool wants_proof)
{
	*p = (struct plan){ .session = session_hold(s), .draft = *s, .daemon = d, .wants_proof = wants_proof };
}

void session_plan_end(struct plan *p)
{
	struct session_life *s = p->session;
	unsigned holders = s->holders;

	*s = p->draft;
	s->holders = holders;
}

struct probe session_probe_of(const struct store_session *row)
{
	const struct {
		const struct store_endpoint *at;
		enum probe_kind kind;
		const char *tag;
	} rows[] = {
		{ &row->socks, PROBE_SOCKS, SESSION_TAG_SOCKS },
		{ &row->http, PROBE_HTTP, SESSION_TAG_HTTP },
		{ &row->shadowsocks, PROBE_TCP, SESSION_TAG_SHADOWSOCKS },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].at->host)
			return (struct probe){ .kind = rows[i].kind, .address = rows[i].at->host,
					       .port = (unsigned)rows[i].at->port, .tag = rows[i].tag };
	return (struct probe){ .kind = PROBE_ALIVE, .address = "", .tag = "" };
}

void session_set_probe(struct session_life *s)
{
	s->spec.probe = session_probe_of(&s->row);
	if (s->spec.probe.kind == PROBE_ALIVE || (s->spec.probe.kind == PROBE_TCP && s->is_udp_only))
		s->spec.probe = (struct probe){ s->probe_port ? PROBE_SOCKS : PROBE_ALIVE, "127.0.0.1", s->probe_port,
						SESSION_TAG_PROBE, false };
}

/* --- what a finished file tells --- */
static void learn_probe(struct session_life *s, const struct value *inbound)
{
	const struct value *settings = value_get(inbound, "settings"), *accounts = value_get(settings, "accounts"),
			   *port = value_get(inbound, "port");
	int64_t n = 0;

	if (!str_is(value_get_str(inbound, "tag"), SESSION_TAG_PROBE) || !port || value_int(port, &n))
		return;
	s->probe_port = (unsigned)n;
	if (accounts && accounts->kind == VAL_ARRAY && accounts->n) {
		struct str user = value_get_str(&accounts->items[0], "user"), password = value_get_str(&accounts->items[0], "pass");

		s->probe_user = arena_memdup(s->a, user.p, user.len);
		s->probe_password = arena_memdup(s->a, password.p, password.len);
	}
}

static void learn_shadowsocks(struct session_life *s, const struct value *inbound)
{
	struct str network = value_get_str(value_get(inbound, "settings"), "network");

	if (str_is(value_get_str(inbound, "tag"), SESSION_TAG_SHADOWSOCKS))
		s->is_udp_only = network.len && !memmem(network.p, network.len, "tcp", strlen("tcp"));
}

/* Their sizes are looked after. */
static void learn_logs(struct session_life *s, const struct value *xray)
{
	static const char *const keys[SUP_OPENED] = { "access", "error" };
	const struct value *log = value_get(xray, "log");

	for (size_t i = 0; i < SUP_OPENED; i++) {
		struct str path = log ? value_get_str(log, keys[i]) : str_of(NULL);

		s->spec.opened[i] = path.len && *path.p == '/' ? arena_memdup(s->a, path.p, path.len) : NULL;
	}
}

void session_learn_file(struct session_life *s, struct str bytes)
{
	struct diag_sink *sink = diag_sink_new(s->a, sources_new(s->a));
	struct sources *sources = (struct sources *)diag_sources(sink);
	const struct value *inbounds;
	struct value xray;

	s->bytes = bytes;
	s->probe_user = s->probe_password = "";
	if (json_parse(s->a, sink, sources_add(sources, "session.json", bytes.p, (uint32_t)bytes.len), true, &xray))
		return;
	s->mask = failure_mask_of(s->a, &xray);
	learn_logs(s, &xray);
	inbounds = value_get(&xray, "inbounds");
	for (uint32_t i = 0; inbounds && inbounds->kind == VAL_ARRAY && i < inbounds->n; i++) {
		learn_probe(s, &inbounds->items[i]);
		learn_shadowsocks(s, &inbounds->items[i]);
	}
}

/* --- ports --- */
/* All are held until the last is found, so that they differ. */
static int find_ports(unsigned ret_ports[PORT__N], struct err *e)
{
	int fds[PORT__N], n = 0, r = 0;

	while (n < PORT__N && (fds[n] = r = ports_hold(&ret_ports[n])) >= 0)
		n++;
	while (n)
		close(fds[--n]);
	return r < 0 ? err_sys(e, r, "find a free port") : 0;
}

/* --- outcomes --- */
static int refuse(struct plan *p, enum session_outcome outcome, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int refuse(struct plan *p, enum session_outcome outcome, const char *fmt, ...)
{
	va_list ap;

	p->outcome = outcome;
	va_start(ap, fmt);
	str_vprint(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
	return 1;
}

/* The first error, with its place; one that config.toml has is not the node's. */
static int refuse_diagnostics(struct plan *p, struct diag_sink *sink)
{
	const struct source *source;
	const struct diag *d = NULL;
	uint32_t line, column;

	diag_finish(sink, false);
	for (unsigned i = 0; i < diag_total(sink) && (!d || d->severity != SEV_ERROR); i++)
		d = diag_at(sink, i);
	if (!d)
		return refuse(p, SESSION_REFUSED, "the configuration has errors");
	source = sources_get(diag_sources(sink), d->at.src);
	if (!source)
		return refuse(p, SESSION_REFUSED, "%s: %s", diag_infos[d->code].name, d->msg);
	source_place(diag_sources(sink), d->at.src, d->at.begin, &line, &column);
	return refuse(p, str_ends_nocase(str_of(source->path), "config.toml") ? SESSION_BAD_CONFIG : SESSION_REFUSED,
		      "%s:%u:%u: %s: %s", source->path, line, column, diag_infos[d->code].name, d->msg);
}

/* --- compiling --- */
static struct diag_sink *new_sink(struct plan *p)
{
	return diag_sink_new(p->draft.a, sources_new(p->draft.a));
}

/* *ret_target: NULL where config.toml names the engine. */
static int choose_target(struct plan *p, const struct target **ret_target, struct err *e)
{
	struct arena *a = p->draft.a;
	struct compiled *c = arena_new_of(a, struct compiled);
	struct diag_sink *sink = new_sink(p);
	int r = compile_config(a, sink, p->daemon->root_fd, p->daemon->root, c, e);
	const struct num *engine = &c->config.runtime.engine;

	*ret_target = NULL;
	if (!r && (!engine->set || engine->v == CONFIG_ENGINE_AUTO))
		*ret_target = hook_auto(&p->abort, a, sink, &c->config);
	if (!r && diag_count(sink, SEV_ERROR))
		return refuse_diagnostics(p, sink);
	return r;
}

/* The bytes for these options, in the session's arena. */
static int compile(struct plan *p, const struct session_options *o, struct compiled *ret_compiled, struct diag_sink **ret_sink,
		   struct str *ret_bytes, struct err *e)
{
	struct session_life *s = &p->draft;
	struct diag_sink *sink = *ret_sink = new_sink(p);
	int r = compile_session(s->a, sink, p->daemon->root_fd, p->daemon->root, &s->node.node, o, ret_compiled, e);

	if (r)
		return r;
	if (diag_count(sink, SEV_ERROR) || !ret_compiled->has_checked)
		return refuse_diagnostics(p, sink);
	p->out.len = 0;
	render_xray(s->a, &ret_compiled->checked, &p->out);
	if (p->out.failed)
		return err_sys(e, -ENOMEM, "render a session");
	*ret_bytes = (struct str){ arena_memdup(s->a, p->out.p, p->out.len), p->out.len };
	return 0;
}

static struct session_options options_of(const struct plan *p, const struct target *t)
{
	const struct session_life *s = &p->draft;

	return (struct session_options){
		.target = t,
		.node_id = s->row.node_id,
		.probe_port = (uint16_t)s->probe_port,
		.probe_user = s->probe_user,
		.probe_password = s->probe_password,
		.log_name = session_logs_name(s->a, p->daemon->sessions->mark, s->row.id),
		.missing_file_is_error = true,
	};
}

static struct store_endpoint endpoint_of(struct arena *a, const struct config_inbound *in)
{
	if (!in->enabled.v)
		return (struct store_endpoint){ 0 };
	return (struct store_endpoint){ arena_strdup(a, in->host.s), (int)in->port.v };
}

static void fill_row(struct session_life *s, const struct compiled *c, const char *file)
{
	s->row.engine = engine_family_name(c->target->family);
	s->row.engine_config_path = file;
	s->row.socks = endpoint_of(s->a, &c->config.runtime.socks);
	s->row.http = endpoint_of(s->a, &c->config.runtime.http);
	s->row.shadowsocks = endpoint_of(s->a, &c->config.runtime.shadowsocks);
}

static void fill_spec(struct plan *p, const struct compiled *c, const char *exe)
{
	struct session_life *s = &p->draft;
	const char *dir = p->daemon->sessions->dir, *name = arena_printf(s->a, "session-%lld", (long long)s->row.id);

	s->spec = (struct sup_spec){
		.target = c->target,
		.exe = exe,
		.file = arena_printf(s->a, "%s/%s.json", dir, name),
		.cwd = p->daemon->root,
		.name = name,
		.log_dir = dir,
		.generation = (uint64_t)s->row.id,
		.proved = true,
		.once = true,
		.may_reload = c->target->family == ENGINE_BUILTIN,
		.times.poll_ms = POLL_MS,
	};
	fill_row(s, c, s->spec.file);
	s->log_dir = session_log_dir(s->a, p->daemon->root, &c->config);
}

static int write_file(const struct plan *p, const char *path, struct str bytes, struct err *e)
{
	return file_write_atomic(p->daemon->runtime_fd, strrchr(path, '/') + 1, bytes, 0600, e);
}

/* --- the second engine --- */
static int plan_proof(struct plan *p, struct session_options o, struct err *e)
{
	struct session_life *s = &p->draft;
	struct compiled *c = arena_new_of(s->a, struct compiled);
	struct diag_sink *sink;
	struct str bytes = { 0 };
	int r;

	o.socks_port = (uint16_t)p->ports[PORT_SOCKS];
	o.http_port = (uint16_t)p->ports[PORT_HTTP];
	o.shadowsocks_port = (uint16_t)p->ports[PORT_SHADOWSOCKS];
	o.probe_port = (uint16_t)p->ports[PORT_PROOF];
	o.on_loopback = true;
	o.log_name = NULL;
	r = compile(p, &o, c, &sink, &bytes, e);
	if (r)
		return r;
	s->proof = s->spec;
	s->proof_port = p->ports[PORT_PROOF];
	s->proof.name = arena_printf(s->a, "%s-proof", s->spec.name);
	s->proof.file = arena_printf(s->a, "%s/%s.json", p->daemon->sessions->dir, s->proof.name);
	s->proof.may_reload = false;
	memset(s->proof.opened, 0, sizeof(s->proof.opened));
	s->proof.times.term_ms = PROOF_TERM_MS;
	s->proof.probe = (struct probe){ PROBE_SOCKS, "127.0.0.1", s->proof_port, SESSION_TAG_PROBE, false };
	return write_file(p, s->proof.file, bytes, e);
}

/* --- the whole --- */
static int find_engine(struct plan *p, struct compiled *c, const struct diag_sink *sink, char **ret_exe, struct err *e)
{
	int r = hook_find_engine(p->draft.a, c, diag_sources(sink), ret_exe, e);

	if (!r && !*ret_exe)
		r = hook_no_engine(c, diag_sources(sink), e);
	return r == -ENOENT ? refuse(p, SESSION_NO_ENGINE, "%s", err_text(e)) : r;
}

static int check(struct plan *p, struct err *e)
{
	struct session_life *s = &p->draft;
	char *words = NULL;
	int r = engine_run_check(s->a, s->spec.target, s->spec.exe, s->spec.file, &p->abort, &words, e);

	return r <= 0 ? r : refuse(p, SESSION_REFUSED, "'%s' refuses the configuration: %s", s->spec.exe,
				   failure_mask_text(s->a, s->mask, words));
}

static void choose_probe(struct plan *p)
{
	struct session_life *s = &p->draft;
	char password[UUID_TEXT];

	if (s->probe_port || uuid_make(password))
		return;
	s->probe_port = p->ports[PORT_PROBE];
	s->probe_user = "probe";
	s->probe_password = arena_strdup(s->a, password);
}

/* Engines do not make it. */
static int make_log_dir(const struct session_life *s, const struct config *c, struct err *e)
{
	if (c->runtime.log.enabled.v && mkdir(s->log_dir, 0700) && errno != EEXIST)
		return err_sys(e, -errno, "make the directory of logs '%s'", s->log_dir);
	return 0;
}

static int plan(struct plan *p, struct err *e)
{
	struct session_life *s = &p->draft;
	struct compiled *c = arena_new_of(s->a, struct compiled);
	struct session_options o;
	const struct target *t;
	struct diag_sink *sink;
	struct str bytes = { 0 };
	char *exe;
	int r = choose_target(p, &t, e);

	if (!r)
		r = find_ports(p->ports, e);
	if (r)
		return r;
	choose_probe(p);
	o = options_of(p, t);
	r = compile(p, &o, c, &sink, &bytes, e);
	c->is_auto = t != NULL;
	if (!r)
		r = find_engine(p, c, sink, &exe, e);
	if (r)
		return r;
	fill_spec(p, c, exe);
	session_learn_file(s, bytes);
	session_set_probe(s);
	r = make_log_dir(s, &c->config, e);
	if (!r)
		r = write_file(p, s->spec.file, bytes, e);
	if (!r)
		r = check(p, e);
	return r || !p->wants_proof ? r : plan_proof(p, o, e);
}

int session_plan_run(struct work *w, struct arena *a, void *ctx, struct err *e)
{
	struct plan *p = ctx;
	jmp_buf oom;
	int r;

	(void)a; /* what is made outlives the work */
	p->abort = (struct engine_abort){ work_abort, w };
	if (setjmp(oom)) {
		arena_on_oom(p->draft.a, NULL);
		return err_sys(e, -ENOMEM, "prepare a session");
	}
	arena_on_oom(p->draft.a, &oom);
	r = plan(p, e);
	arena_on_oom(p->draft.a, NULL);
	return r;
}
