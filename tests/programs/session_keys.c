/* link: compiler links render validate merge model lib */
/* Every key of config.toml by its effect: each is set to another value, and what changes in the rendered session is printed
 * as JSON pointers. A key of model/'s table that has no row here is a failure, as is a row without effect; keys that others
 * obey are listed with who does. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compiler/compiler.h"

#define ROW(k, v, w, ...) { .key = (k), .value = (v), .with = (w), __VA_ARGS__ }
/* value: what the key is set to; with: what must stand beside it for the key to matter (dotted TOML lines); was: what it is
 * set to before, where it has no default. */
static const struct row {
	const char *key, *value, *with, *was;
} rows[] = {
	ROW("runtime.engine", "\"v2ray\"", "runtime.sniffing.enabled = false\n"),
	ROW("runtime.engine_version", "\"26.2\"", "runtime.engine = \"xray\"\n"),
	ROW("runtime.allow_lan", "true", "runtime.socks.host = \"0.0.0.0\"\n"),
	ROW("runtime.socks.enabled", "false", "runtime.http.enabled = true\n"),
	ROW("runtime.socks.host", "\"127.0.0.2\"", ""),
	ROW("runtime.socks.port", "2080", ""),
	ROW("runtime.socks.udp", "false", ""),
	ROW("runtime.socks.auth.enabled", "true",
	  "runtime.socks.auth.username = \"alice\"\nruntime.socks.auth.password = \"change-me\"\n"),
	ROW("runtime.socks.auth.username", "\"alice\"",
	  "runtime.socks.auth.enabled = true\nruntime.socks.auth.password = \"change-me\"\n", .was = "\"before\""),
	ROW("runtime.socks.auth.password", "\"change-me\"",
	  "runtime.socks.auth.enabled = true\nruntime.socks.auth.username = \"alice\"\n", .was = "\"before\""),
	ROW("runtime.http.enabled", "true", ""),
	ROW("runtime.http.host", "\"127.0.0.2\"", "runtime.http.enabled = true\n"),
	ROW("runtime.http.port", "2081", "runtime.http.enabled = true\n"),
	ROW("runtime.http.auth.enabled", "true",
	  "runtime.http.enabled = true\nruntime.http.auth.username = \"bob\"\nruntime.http.auth.password = \"change-me\"\n"),
	ROW("runtime.http.auth.username", "\"bob\"",
	  "runtime.http.enabled = true\nruntime.http.auth.enabled = true\nruntime.http.auth.password = \"change-me\"\n", .was = "\"before\""),
	ROW("runtime.http.auth.password", "\"change-me\"",
	  "runtime.http.enabled = true\nruntime.http.auth.enabled = true\nruntime.http.auth.username = \"bob\"\n", .was = "\"before\""),
#define SS "runtime.shadowsocks.enabled = true\nruntime.shadowsocks.password = \"change-me\"\n"
	ROW("runtime.shadowsocks.enabled", "true", "runtime.shadowsocks.password = \"change-me\"\n"),
	ROW("runtime.shadowsocks.host", "\"127.0.0.2\"", SS),
	ROW("runtime.shadowsocks.port", "2082", SS),
	ROW("runtime.shadowsocks.method", "\"aes-256-gcm\"", SS),
	ROW("runtime.shadowsocks.password", "\"change-me-too\"", "runtime.shadowsocks.enabled = true\n", .was = "\"before\""),
	ROW("runtime.shadowsocks.network", "\"tcp\"", SS),
	ROW("runtime.sniffing.enabled", "false", ""),
	ROW("runtime.sniffing.dest_override", "[\"tls\"]", ""),
	ROW("runtime.sniffing.route_only", "false", ""),
	ROW("runtime.sniffing.metadata_only", "true", ""),
	ROW("runtime.sniffing.domains_excluded", "[\"domain:example.org\"]", ""),
	ROW("runtime.sniffing.ips_excluded", "[\"192.0.2.0/24\"]", ""),
	ROW("runtime.log.enabled", "false", ""),
	ROW("runtime.log.mask", "\"half\"", ""),
	ROW("runtime.log.dir", "\"/var/log/xrat\"", ""),
	ROW("runtime.log.dns_log", "true", ""),
	ROW("runtime.log.level", "\"debug\"", ""),
	ROW("runtime.mux.enabled", "true", ""),
	ROW("runtime.mux.concurrency", "16", "runtime.mux.enabled = true\n"),
	ROW("runtime.mux.xudp_concurrency", "32", "runtime.mux.enabled = true\n"),
	ROW("runtime.mux.xudp_proxy_udp443", "\"skip\"", "runtime.mux.enabled = true\n"),
	ROW("runtime.fragment.enabled", "true", ""),
	ROW("runtime.fragment.packets_mode", "\"range\"", "runtime.fragment.enabled = true\n"),
	ROW("runtime.fragment.packets", "[1, 5]", "runtime.fragment.enabled = true\nruntime.fragment.packets_mode = \"range\"\n"),
	ROW("runtime.fragment.length", "[40, 60]", "runtime.fragment.enabled = true\n"),
	ROW("runtime.fragment.interval", "[5, 15]", "runtime.fragment.enabled = true\n"),
	ROW("routing.domain_strategy", "\"AsIs\"", ""),
	ROW("routing.direct.domain", "[\"domain:example.org\"]", ""),
	ROW("routing.direct.ip", "[\"192.168.0.0/16\"]", ""),
	ROW("routing.direct.geosite", "[\"private\"]", ""),
	ROW("routing.direct.geoip", "[\"private\"]", ""),
	ROW("routing.block.domain", "[\"domain:example.org\"]", ""),
	ROW("routing.block.ip", "[\"192.168.0.0/16\"]", ""),
	ROW("routing.block.geosite", "[\"private\"]", ""),
	ROW("routing.block.geoip", "[\"private\"]", ""),
	ROW("dns.query_strategy", "\"UseIPv4\"", ""),
	ROW("dns.servers", "[\"9.9.9.9\"]", ""),
	ROW("dns.use_system_hosts", "false", ""),
	ROW("dns.disable_cache", "true", ""),
	ROW("dns.disable_fallback", "true", ""),
	ROW("dns.enable_parallel_query", "false", ""),
	ROW("dns.hosts", "{ \"router.example\" = \"192.168.1.1\" }", ""),
};

/* Keys that shape no file: who obeys them. */
static const struct {
	const char *key, *owner;
} obeyed[] = {
	{ "paths.xray", "whoever starts an engine" },
	{ "paths.v2ray", "whoever starts an engine" },
	{ "paths.sing_box", "nobody" },
	{ "database.path", "the store" },
	{ "runtime.replace_active_session", "the daemon, connect" },
	{ "runtime.health_tick_secs", "the daemon, health" },
	{ "runtime.cleanup", "the daemon, end of a session" },
	{ "runtime.log.keep", "the daemon, end of a session" },
	{ "runtime.rotation.enabled", "the daemon, rotation" },
	{ "runtime.rotation.interval_secs", "the daemon, rotation" },
	{ "runtime.rotation.health_trigger_enabled", "the daemon, rotation" },
	{ "runtime.rotation.health_failure_threshold", "the daemon, health" },
	{ "runtime.rotation.cooldown_secs", "the daemon, rotation" },
	{ "runtime.rotation.probe_url", "the daemon, health" },
	{ "apply.settle_ms", "the watcher" },
	{ "apply.max_wait_ms", "the watcher" },
	{ "apply.prove_seconds", "the supervisor" },
	{ "apply.keep_generations", "the publisher" },
	{ "server.enabled", "the HTTP API" },
	{ "server.host", "the HTTP API" },
	{ "server.port", "the HTTP API" },
	{ "server.key", "the HTTP API" },
};
#define COUNT(x) (sizeof(x) / sizeof((x)[0]))

/* --- compiling a text --------------------------------------------------------------------------------------------- */
struct render {
	struct value v;
	const char *codes; /* errors and warnings but the missing geo files, "none" */
};

static const char *codes_of(struct arena *a, const struct diag_sink *sink)
{
	const char *out = "";

	for (unsigned i = 0; i < diag_total(sink); i++) {
		const struct diag *d = diag_at(sink, i);
		if (d->severity != SEV_NOTE && d->code != DIAG_XR236)
			out = arena_printf(a, "%s%s%s", out, *out ? " " : "", diag_infos[d->code].name);
	}
	return *out ? out : "none";
}

static void write_config(int root_fd, const char *text)
{
	int fd = openat(root_fd, "config.toml", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		exit(3);
	close(fd);
}

static struct render render_text(struct arena *a, int root_fd, const char *text)
{
	static const char link[] = "trojan://change-me@edge.example.net:443?sni=edge.example.net#Berlin";
	static const struct session_options options = { .log_name = "session-12" };
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);
	struct render r = { .v = { .kind = VAL_NONE } };
	struct compiled c;
	struct node node;
	struct err e = { 0 };

	write_config(root_fd, text);
	if (link_parse(a, sink, str_of(link), SPAN_NONE, &node) ||
	    compile_session(a, sink, root_fd, "/etc/xrat", &node, &options, &c, &e))
		exit(3);
	if (c.has_checked)
		r.v = xconf_to_value(a, &c.checked.x);
	r.codes = codes_of(a, sink);
	return r;
}

/* --- what changed ------------------------------------------------------------------------------------------------- */
struct change {
	struct arena *a;
	unsigned n;
};

static const char *shown(struct arena *a, const struct value *v)
{
	struct buf b = { 0 };
	const char *text = "(absent)";

	if (v && v->kind != VAL_NONE) {
		json_write_compact(&b, v);
		text = b.len > 110 ? arena_printf(a, "%.107s...", b.p) : arena_memdup(a, b.p, b.len);
	}
	buf_fini(&b);
	return text;
}

static void compare(struct change *c, const char *pointer, const struct value *x, const struct value *y);

static void compare_objects(struct change *c, const char *pointer, const struct value *x, const struct value *y)
{
	for (uint32_t i = 0; i < x->n_members; i++)
		compare(c, arena_printf(c->a, "%s/%s", pointer, x->members[i].key), &x->members[i].value,
			value_get(y, x->members[i].key));
	for (uint32_t i = 0; i < y->n_members; i++)
		if (!value_get(x, y->members[i].key))
			compare(c, arena_printf(c->a, "%s/%s", pointer, y->members[i].key), NULL, &y->members[i].value);
}

static void compare_arrays(struct change *c, const char *pointer, const struct value *x, const struct value *y)
{
	for (uint32_t i = 0; i < x->n || i < y->n; i++)
		compare(c, arena_printf(c->a, "%s/%u", pointer, i), i < x->n ? &x->items[i] : NULL,
			i < y->n ? &y->items[i] : NULL);
}

static void compare(struct change *c, const char *pointer, const struct value *x, const struct value *y)
{
	if (x && y && value_equal(x, y))
		return;
	if (x && y && x->kind == VAL_OBJECT && y->kind == VAL_OBJECT)
		compare_objects(c, pointer, x, y);
	else if (x && y && x->kind == VAL_ARRAY && y->kind == VAL_ARRAY)
		compare_arrays(c, pointer, x, y);
	else if (++c->n <= 12)
		printf("  %s: %s -> %s\n", pointer, shown(c->a, x), shown(c->a, y));
}

/* True when the key does something. */
static bool show_row(struct arena *a, int root_fd, const struct row *row)
{
	const char *was = row->was ? arena_printf(a, "%s = %s\n", row->key, row->was) : "";
	struct render before = render_text(a, root_fd, arena_printf(a, "%s%s", row->with, was));
	struct render after = render_text(a, root_fd, arena_printf(a, "%s%s = %s\n", row->with, row->key, row->value));
	struct change c = { a, 0 };

	printf("%s = %s\n", row->key, row->value);
	if (before.v.kind != VAL_NONE && after.v.kind != VAL_NONE)
		compare(&c, "", &before.v, &after.v);
	if (c.n > 12)
		printf("  and %u more\n", c.n - 12);
	if (strcmp(before.codes, after.codes) != 0)
		printf("  diagnostics: %s -> %s\n", before.codes, after.codes);
	return c.n || strcmp(before.codes, after.codes) != 0;
}

/* --- the table of config.toml -------------------------------------------------------------------------------------- */
static unsigned faults_of_key(struct arena *a, int root_fd, const char *key)
{
	for (size_t i = 0; i < COUNT(obeyed); i++) {
		if (strcmp(obeyed[i].key, key) != 0)
			continue;
		printf("%s: obeyed by %s\n", key, obeyed[i].owner);
		return 0;
	}
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (strcmp(rows[i].key, key) != 0)
			continue;
		if (show_row(a, root_fd, &rows[i]))
			return 0;
		printf("FAULT: '%s' has no effect\n", key);
		return 1;
	}
	printf("FAULT: '%s' has no test\n", key);
	return 1;
}

static unsigned walk(struct arena *a, int root_fd, const struct table *t, const char *path, unsigned *seen)
{
	unsigned faults = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct field *f = &t->fields[i];
		const char *key = arena_printf(a, "%s%s%s", path, *path ? "." : "", f->name);
		if (f->flags & (FIELD_UNUSED | FIELD_REFUSED | FIELD_FIXED))
			continue;
		if (f->type == F_TABLE) {
			faults += walk(a, root_fd, f->sub, key, seen);
			continue;
		}
		faults += faults_of_key(a, root_fd, key);
		++*seen;
	}
	return faults;
}

int main(void)
{
	char dir[] = "/tmp/xrat-keys.XXXXXX";
	struct arena *a = arena_new();
	unsigned seen = 0, faults;
	int root_fd;

	if (!mkdtemp(dir) || (root_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return 3;
	faults = walk(a, root_fd, &table_config_file, "", &seen);
	if (seen != COUNT(rows) + COUNT(obeyed)) {
		printf("FAULT: %u keys in the table, %zu rows here\n", seen, COUNT(rows) + COUNT(obeyed));
		faults++;
	}
	unlinkat(root_fd, "config.toml", 0);
	close(root_fd);
	rmdir(dir);
	arena_free(a);
	return faults != 0;
}
