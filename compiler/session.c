/* config.toml into the desired state of a session: its listeners, sniffing, logs and lists under the names that the managed
 * base reads. Rules over several keys were checked when config.toml was decoded. */
#include "compiler/session_impl.h"

const char *session_log_dir(struct arena *a, const char *root, const struct config *c)
{
	const char *dir = c->runtime.log.dir.s;

	return *dir == '/' ? dir : arena_printf(a, "%s/%s", root, dir);
}

void session_log_mark(const char *root, char ret_mark[SESSION_MARK_TEXT])
{
	sha256_hex(str_of(root), (SESSION_MARK_TEXT - 1) / 2, ret_mark);
}

const char *session_log_file(struct arena *a, const char *root, const struct config *c, const char *log_name,
			     const char *kind)
{
	return arena_printf(a, "%s/%s.%s.log", session_log_dir(a, root, c), log_name, kind);
}

static struct text fixed(const char *s, struct span at)
{
	return (struct text){ .s = s, .at = at };
}

static struct list one_account(struct arena *a, const struct account *u)
{
	struct account *kept = arena_new_of(a, struct account);

	*kept = *u;
	return (struct list){ .v = kept, .n = 1, .set = true, .at = u->at };
}

/* Places: the table of the listener, for what it did not say itself. */
static struct xray_inbound listener(struct arena *a, const struct config_inbound *c, const char *tag, uint16_t port,
				    bool on_loopback)
{
	struct xray_inbound in = { .at = c->at, .enabled = c->enabled, .tag = fixed(tag, c->at), .listen = c->host,
		.port = c->port, .udp = c->udp };
	const struct account account = { c->auth.at, c->auth.username, c->auth.password };

	if (port)
		in.port.v = port;
	if (on_loopback)
		in.listen.s = "127.0.0.1";
	if (c->auth.enabled.v)
		in.users = one_account(a, &account);
	return in;
}

struct xray_inbound session_probe(const struct session_options *o, struct arena *a, const char *tag, uint16_t port)
{
	struct xray_inbound in = { .enabled.v = true, .tag.s = tag, .listen.s = "127.0.0.1", .port.v = port };
	const struct account account = { .user.s = o->probe_user, .password.s = o->probe_password };

	if (o->probe_user)
		in.users = one_account(a, &account);
	return in;
}

/* Without files the engine's errors go to its stderr; switched off, nowhere. */
static void logs(struct arena *a, const struct compiled *c, const struct session_options *o, bool test,
		 struct xray_knobs *k)
{
	const struct config_log *log = &c->config.runtime.log;
	const char *root = c->in.root;

	k->logs.access = fixed("none", log->enabled.at);
	k->logs.level = log->level;
	if (test)
		return;
	k->logs.dns_log = log->dns_log;
	if (!str_is(str_of(log->mask.s), "none"))
		k->logs.mask = log->mask;
	if (!log->enabled.v) {
		k->logs.error = fixed("none", log->enabled.at);
	} else if (o->log_name) {
		k->logs.access = fixed(session_log_file(a, root, &c->config, o->log_name, "access"), log->dir.at);
		k->logs.error = fixed(session_log_file(a, root, &c->config, o->log_name, "error"), log->dir.at);
	}
}

void session_fill(struct arena *a, struct compiled *c, const struct session_options *o, struct session *s)
{
	const struct config *config = &c->config;
	struct client *client = &c->desired.client;
	struct xray_knobs *k = &client->xray;

	c->desired.session = s;
	s->config = config;
	client->at = (struct span){ c->in.config_toml.span.src, 0, 0 };
	logs(a, c, o, s->test, k);
	k->routing.domain_strategy = config->routing.domain_strategy;
	k->direct.tag = fixed(SESSION_TAG_DIRECT, SPAN_NONE);
	if (s->test)
		return;
	k->sniffing = config->runtime.sniffing;
	k->socks = listener(a, &config->runtime.socks, SESSION_TAG_SOCKS, o->socks_port, o->on_loopback);
	k->http = listener(a, &config->runtime.http, SESSION_TAG_HTTP, o->http_port, o->on_loopback);
	s->shadowsocks = listener(a, &config->runtime.shadowsocks, SESSION_TAG_SHADOWSOCKS, o->shadowsocks_port,
				  o->on_loopback);
}
