/* link: compiler links render validate merge model lib */
/* Compiles what a daemon would: session_render [OPTION...] LINK... prints the render on stdout, diagnostics on stderr.
 *   --root DIR        CONFIG_ROOT (default "root"); log files are named below /etc/xrat
 *   --target T        default: what config.toml says
 *   --test            one config for testing all the links, ports from 21001; refused ones are told on stderr
 *   --outbounds       the links as a list of outbounds (--target or the default)
 *   --sing-box        the same for sing-box
 *   --log NAME        log files; --probe PORT one more inbound; --port PORT ports of the listeners from there on, on loopback
 *   --id N            id of the first node; the others follow
 * A link "-" stands for the lines of standard input. Exit code: 1 when there was an error. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compiler/compiler.h"

enum { NODES_MAX = 4096 };

struct program {
	struct arena *a;
	struct sources *sources;
	struct diag_sink *sink;
	struct session_options o;
	const char *root;
	bool test, outbounds, sing_box;
	struct node *nodes;
	size_t n;
};

static void take_root(struct program *p, const char *v) { p->root = v; }
static void take_log(struct program *p, const char *v) { p->o.log_name = v; }
static void take_id(struct program *p, const char *v) { p->o.node_id = atoll(v); }
static void take_test(struct program *p, const char *v) { p->test = v != NULL; }
static void take_outbounds(struct program *p, const char *v) { p->outbounds = v != NULL; }
static void take_sing_box(struct program *p, const char *v) { p->outbounds = p->sing_box = v != NULL; }
static void take_target(struct program *p, const char *v)
{
	p->o.target = target_find(str_of(v));
	if (!p->o.target)
		exit(2);
}
static void take_probe(struct program *p, const char *v)
{
	p->o.probe_port = (uint16_t)atoi(v);
	p->o.probe_user = "probe";
	p->o.probe_password = "change-me-probe";
}
static void take_port(struct program *p, const char *v)
{
	p->o.socks_port = (uint16_t)atoi(v);
	p->o.http_port = (uint16_t)(p->o.socks_port + 1);
	p->o.shadowsocks_port = (uint16_t)(p->o.socks_port + 2);
	p->o.on_loopback = true;
}

static const struct option_row {
	const char *name;
	bool has_value;
	void (*take)(struct program *p, const char *v);
} rows[] = {
	{ "--root", true, take_root },     { "--target", true, take_target }, { "--log", true, take_log },
	{ "--probe", true, take_probe },   { "--port", true, take_port },     { "--id", true, take_id },
	{ "--test", false, take_test },    { "--outbounds", false, take_outbounds },
	{ "--sing-box", false, take_sing_box },
};

static void add_link(struct program *p, const char *link)
{
	struct span at = { sources_add(p->sources, "link", "", 0), 0, 0 };

	if (p->n == NODES_MAX || link_parse(p->a, p->sink, str_of(arena_strdup(p->a, link)), at, &p->nodes[p->n]))
		fprintf(stderr, "a link is refused\n");
	else
		p->n++;
}

static void add_lines(struct program *p)
{
	char text[65536];

	while (fgets(text, sizeof(text), stdin)) {
		text[strcspn(text, "\r\n")] = 0;
		if (*text)
			add_link(p, text);
	}
}

static void read_argv(struct program *p, char **argv)
{
	for (; *argv; argv++) {
		const struct option_row *row = rows, *end = rows + sizeof(rows) / sizeof(*rows);
		while (row < end && !str_is(str_of(*argv), row->name))
			row++;
		if (row < end)
			row->take(p, row->has_value && argv[1] ? *++argv : *argv);
		else if (argv[0][0] == '-' && !argv[0][1])
			add_lines(p);
		else
			add_link(p, *argv);
	}
}

static void run_outbounds(struct program *p, struct buf *out)
{
	struct session_node *list = arena_array(p->a, struct session_node, p->n);
	struct value v;

	for (size_t i = 0; i < p->n; i++)
		list[i] = (struct session_node){ p->o.node_id ? p->o.node_id + (int64_t)i : 0, &p->nodes[i] };
	v = p->sing_box ? compile_singbox(p->a, p->sink, list, p->n) : compile_outbounds(p->a, p->sink, list, p->n, p->o.target ? p->o.target : target_default());
	json_write(out, &v);
	buf_putc(out, '\n');
}

static int run_test(struct program *p, int root_fd, struct compiled *c, struct err *e)
{
	struct session_test *list = arena_array(p->a, struct session_test, p->n);
	int r;

	for (size_t i = 0; i < p->n; i++) {
		list[i].node = (struct session_node){ p->o.node_id ? p->o.node_id + (int64_t)i : 0, &p->nodes[i] };
		list[i].port = (uint16_t)(21001 + i);
	}
	r = compile_test(p->a, p->sink, root_fd, "/etc/xrat", list, p->n, &p->o, c, e);
	for (size_t i = 0; i < p->n; i++)
		if (list[i].refused)
			fprintf(stderr, "node %zu is refused: %s\n", i + 1, list[i].refused);
	return r;
}

static int run(struct program *p, struct buf *out)
{
	int root_fd = open(p->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
	struct compiled c;
	struct err e = { 0 };

	if (p->outbounds) {
		run_outbounds(p, out);
		return 0;
	}
	if (p->test)
		r = run_test(p, root_fd, &c, &e);
	else
		r = p->n == 1 ? compile_session(p->a, p->sink, root_fd, "/etc/xrat", &p->nodes[0], &p->o, &c, &e) : 2;
	if (r)
		fprintf(stderr, "%s\n", r == 2 ? "give one link" : err_text(&e));
	else if (c.has_checked)
		render_xray(p->a, &c.checked, out);
	err_fini(&e);
	close(root_fd);
	return r;
}

int main(int argc, char **argv)
{
	struct program p = { .a = arena_new(), .root = "root" };
	struct buf out = { 0 }, diags = { 0 };
	int r;

	(void)argc;
	p.sources = sources_new(p.a);
	p.sink = diag_sink_new(p.a, p.sources);
	p.nodes = arena_array(p.a, struct node, NODES_MAX);
	read_argv(&p, argv + 1);
	r = run(&p, &out);
	diag_finish(p.sink, false);
	diag_print(p.sink, false, SEV_NOTE, &diags);
	if (diags.len)
		fwrite(diags.p, 1, diags.len, stderr);
	if (out.len)
		fwrite(out.p, 1, out.len, stdout);
	r = r ? 3 : diag_count(p.sink, SEV_ERROR) > 0;
	buf_fini(&out);
	buf_fini(&diags);
	arena_free(p.a);
	return r;
}
