/* Canonical bytes, written straight from the parts: sections in their fixed order, objects in the order they were
 * built, numbers as they were spelt. */
#include "render/render_impl.h"

const struct list_info list_infos[LIST__N] = {
	[LIST_RULES] = { "/routing/rules", "rule", "ruleTag", { "routing", "rules" }, 2,
		offsetof(struct xconf, rules) },
	[LIST_BALANCERS] = { "/routing/balancers", "balancer", "tag", { "routing", "balancers" }, 2,
		offsetof(struct xconf, balancers) },
	[LIST_INBOUNDS] = { "/inbounds", "inbound", "tag", { "inbounds" }, 1, offsetof(struct xconf, inbounds) },
	[LIST_OUTBOUNDS] = { "/outbounds", "outbound", "tag", { "outbounds" }, 1, offsetof(struct xconf, outbounds) },
};

struct writer {
	struct buf *out;
	const char *before; /* what stands before the next top-level key */
};

static void begin_key(struct writer *w, struct str key)
{
	buf_puts(w->out, w->before);
	w->before = ",\n  ";
	json_write_string(w->out, key);
	buf_puts(w->out, ": ");
}

static void put_section(struct writer *w, const struct xconf *x, enum xsection s)
{
	if (x->section[s].kind == VAL_NONE)
		return;
	begin_key(w, str_of(xsection_names[s]));
	json_write_at(w->out, &x->section[s], 1);
}

/* The items of a list whose key stands `indent` levels deep. */
static void put_items(struct buf *out, const struct xlist *list, unsigned indent)
{
	static const char spaces[] = "        ";

	buf_putc(out, '[');
	for (uint32_t i = 0; i < list->n; i++) {
		buf_puts(out, i ? ",\n" : "\n");
		buf_add(out, spaces, (indent + 1) * 2);
		json_write_at(out, &list->v[i].v, indent + 1);
	}
	buf_putc(out, '\n');
	buf_add(out, spaces, indent * 2);
	buf_putc(out, ']');
}

static void put_list(struct writer *w, const char *key, const struct xlist *list)
{
	if (!list->n)
		return;
	begin_key(w, str_of(key));
	put_items(w->out, list, 1);
}

static void put_routing(struct writer *w, const struct xconf *x)
{
	struct writer inner = { w->out, "{\n    " };

	if (x->routing.kind == VAL_NONE && !x->rules.n && !x->balancers.n)
		return;
	begin_key(w, STR("routing"));
	for (uint32_t i = 0; x->routing.kind == VAL_OBJECT && i < x->routing.n_members; i++) {
		begin_key(&inner, member_key(&x->routing.members[i]));
		json_write_at(w->out, &x->routing.members[i].value, 2);
		inner.before = ",\n    ";
	}
	for (enum list_kind k = LIST_RULES; k <= LIST_BALANCERS; k++) {
		if (!list_of(x, k)->n)
			continue;
		begin_key(&inner, str_of(list_infos[k].path[1]));
		put_items(w->out, list_of(x, k), 2);
		inner.before = ",\n    ";
	}
	buf_puts(w->out, *inner.before == '{' ? "{}" : "\n  }");
}

static void write_xconf(const struct xconf *x, struct buf *out)
{
	struct writer w = { out, "{\n  " };

	for (enum xsection s = XS_LOG; s <= XS_REVERSE; s++)
		put_section(&w, x, s);
	put_routing(&w, x);
	put_list(&w, "inbounds", &x->inbounds);
	put_list(&w, "outbounds", &x->outbounds);
	put_section(&w, x, XS_OBSERVATORY);
	put_section(&w, x, XS_BURST_OBSERVATORY);
	for (uint32_t i = 0; x->rest.kind == VAL_OBJECT && i < x->rest.n_members; i++) {
		begin_key(&w, member_key(&x->rest.members[i]));
		json_write_at(out, &x->rest.members[i].value, 1);
	}
	buf_puts(out, *w.before == '{' ? "{}\n" : "\n}\n");
}

void render_xray(struct arena *a, const struct checked *c, struct buf *out)
{
	(void)a;
	write_xconf(&c->x, out);
}

void render_xray_redacted(struct arena *a, const struct checked *c, struct buf *out)
{
	struct xconf x = redact_xconf(a, &c->x);

	write_xconf(&x, out);
}
