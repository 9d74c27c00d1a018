/* link: compiler links render validate merge model lib */
/* The whole pure pipeline over one input, without touching a file:
 *
 *     1st byte   bit 0: server, bits 1-2: target
 *     then       the role's TOML
 *     "\n===k\n" begins another part: k = 0..7 a snippet by its number, c config.toml, r a complete xray.json
 *
 * Beyond not crashing: what was rendered parses and renders to the same bytes, and a config differs in nothing from
 * itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "compiler/pick.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { PART_CONFIG = SNIPPET__N, PART_RAW, PART__N, MARK_LEN = 6, INPUT_MAX = 256 * 1024 };
struct parts {
	struct str toml, v[PART__N];
};

static int part_of(char c)
{
	static const char names[] = "01234567cr";
	const char *hit = c ? strchr(names, c) : NULL;

	return hit ? (int)(hit - names) : -1;
}

/* The next marker at or behind p, or the end. */
static const char *find_mark(const char *p, const char *end)
{
	while ((p = memmem(p, (size_t)(end - p), "\n===", 4))) {
		if (end - p >= MARK_LEN && part_of(p[4]) >= 0 && p[5] == '\n')
			return p;
		p++;
	}
	return end;
}

static struct parts split(const char *p, const char *end)
{
	const char *next = find_mark(p, end);
	struct parts parts = { .toml = { p, (size_t)(next - p) } };

	while (next < end) {
		struct str *part = &parts.v[part_of(next[4])];

		p = next + MARK_LEN;
		next = find_mark(p, end);
		*part = (struct str){ p, (size_t)(next - p) };
	}
	return parts;
}

struct run {
	struct arena *a;
	struct sources *sources;
	struct diag_sink *sink;
	const struct target *target;
};

static uint32_t source(struct run *r, const char *path, struct str text)
{
	const char *copy = arena_memdup(r->a, text.p, text.len);

	return sources_add(r->sources, path, copy, (uint32_t)text.len);
}

static struct value parse(struct run *r, const char *path, struct str text, bool lenient)
{
	struct value v = { .kind = VAL_NONE };

	if (!text.p || json_parse(r->a, r->sink, source(r, path, text), lenient, &v))
		v.kind = VAL_NONE;
	return v;
}

static struct value parse_toml(struct run *r, const char *path, struct str text)
{
	struct value v = { .kind = VAL_NONE };

	if (toml_parse(r->a, r->sink, source(r, path, text), &v))
		v.kind = VAL_NONE;
	return v;
}

static void expect(bool ok)
{
	if (!ok)
		abort();
}

static struct str render(struct run *r, const struct checked *c)
{
	struct buf out = { 0 };
	struct str text;

	render_xray(r->a, c, &out);
	text = (struct str){ arena_memdup(r->a, out.p, out.len), out.len };
	buf_fini(&out);
	return text;
}

/* A config that was checked: its bytes are a fixed point. */
static void check_bytes(struct run *r, const struct checked *c)
{
	struct str text = render(r, c);
	struct value root = parse(r, "rendered", text, false), changes;
	struct checked again = { { 0 } };

	expect(root.kind == VAL_OBJECT);
	xconf_from_value(r->a, &root, r->target, &again.x);
	expect(str_eq(text, render(r, &again)));
	changes = render_diff(r->a, &root, &root);
	expect(changes.n == 0);
}

static void look(struct run *r, const struct checked *c)
{
	static const char *const names[] = { "direct", "proxy-edge", "api", "/inbounds", "/routing/rules/0/domain",
		"/policy/levels/0" };
	struct value tree = xconf_to_value(r->a, &c->x), empty = value_object(SPAN_NONE);
	struct buf out = { 0 };

	render_xray_redacted(r->a, c, &out);
	buf_fini(&out);
	render_map(r->a, c, r->sources);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		render_why(r->a, c, r->sources, str_of(names[i]));
	render_diff(r->a, &empty, &tree);
	render_diff(r->a, &tree, &empty);
}

static void finish(struct run *r, const struct merged *m)
{
	struct checked checked = { { 0 } };
	bool ok = !validate(r->a, r->sink, m, &checked);
	const struct checked as_merged = { m->x };
	struct buf out = { 0 };

	look(r, ok ? &checked : &as_merged);
	if (ok)
		check_bytes(r, &checked);
	diag_finish(r->sink, false);
	diag_print(r->sink, false, true, &out);
	buf_fini(&out);
	diag_json(r->sink, r->a);
}

static void run_role(struct run *r, enum role role, const struct parts *p)
{
	struct inputs in = { .root = "root", .role = role, .role_toml = parse_toml(r, "xp2p.toml", p->toml) };
	struct desired desired = { .role = role };
	struct config config = { 0 };
	struct merged merged = { .overrides_used = { .n = 0 } };
	struct base base = { { 0 } };

	if (p->v[PART_CONFIG].p)
		in.config_toml = parse_toml(r, "config.toml", p->v[PART_CONFIG]);
	for (unsigned k = 0; k < SNIPPET__N; k++) {
		in.snippets[k].root = parse(r, snippet_file_names[k], p->v[k], false);
		snippet_check(r->sink, k, &in.snippets[k].root);
	}
	if (decode_config(r->a, r->sink, in.config_toml.kind ? &in.config_toml : NULL, &config))
		return;
	if (!pick_target(r->sink, &config, NULL) || !in.role_toml.kind || decode_role(r->a, r->sink, &in, &desired))
		return;
	normalize(r->a, r->sink, &desired, r->target);
	base_build(r->a, r->sink, &desired, r->target, &base);
	if (!merge_snippets(r->a, r->sink, &base, in.snippets, &desired.override, &merged))
		finish(r, &merged);
}

static void run_raw(struct run *r, struct str text)
{
	struct value root = parse(r, "raw.json", text, true);
	struct merged merged = { .overrides_used = { .n = 0 } };

	if (root.kind == VAL_NONE)
		return;
	xconf_from_value(r->a, &root, r->target, &merged.x);
	validate(r->a, r->sink, &merged, &(struct checked){ { 0 } });
	look(r, &(struct checked){ merged.x });
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data;
	struct run r = { .a = arena_new() };
	struct parts parts;

	if (r.a && len && len < INPUT_MAX) {
		r.sources = sources_new(r.a);
		r.sink = diag_sink_new(r.a, r.sources);
		r.target = &targets[(data[0] >> 1 & 3) % targets_n];
		parts = split(text + 1, text + len);
		run_role(&r, data[0] & 1 ? ROLE_SERVER : ROLE_CLIENT, &parts);
		if (parts.v[PART_RAW].p)
			run_raw(&r, parts.v[PART_RAW]);
	}
	arena_free(r.a);
	return 0;
}
