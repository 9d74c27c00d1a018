/* Making the engine's table from a configuration, and its life. */
#include "engine/conf.h"

#include <errno.h>
#include <setjmp.h>
#include <string.h>

#include "engine/conf_impl.h"

/* --- life --- */
/* What lives outside of the arena. */
static void give_back(struct conf *c)
{
	route_table_fini(c->routes);
	for (uint32_t i = 0; i < c->n_smalls; i++)
		route_table_fini(c->smalls[i]);
	conf_counters_free(c);
	conf_fake_free(c);
}

void conf_hold(struct conf *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
}

void conf_drop(struct conf *c)
{
	struct arena *a = c->arena;

	if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	give_back(c);
	arena_free(a);
}

/* --- making --- */
/* Sections that are read; of the others even an empty one is refused, except where it says nothing. */
static void refuse_sections(struct conf_reader *r)
{
	static const enum xsection unread[] = { XS_API, XS_REVERSE, XS_OBSERVATORY, XS_BURST_OBSERVATORY };
	const struct value *rest = &r->x->rest;

	for (size_t i = 0; i < CONF_N(unread); i++) {
		const struct value *v = &r->x->section[unread[i]];

		if (!conf_absent(v))
			conf_fault(r, v->span, "the embedded engine does not take '%s'", xsection_names[unread[i]]);
	}
	for (uint32_t i = 0; rest->kind == VAL_OBJECT && i < rest->n_members; i++) {
		const struct member *m = &rest->members[i];

		if (!conf_absent(&m->value) && !str_is_nocase(member_key(m), "$schema"))
			conf_fault(r, m->key_span, "the embedded engine does not take '%.*s' of this kind", (int)m->key_len,
				   m->key);
	}
}

static void asset_fault(void *ctx, const char *file, const char *why)
{
	struct conf_reader *r = ctx;

	diag_add(r->sink, DIAG_XR772, SPAN_NONE, "the file '%s' cannot be used: %s", file, why);
}

static int build(struct conf_reader *r, struct assets *assets)
{
	unsigned before = diag_count(r->sink, SEV_ERROR);

	r->assets = assets_for(assets, r->a);
	r->counters = map_new(r->a, 64);
	refuse_sections(r);
	conf_log(r);
	conf_policies(r);
	conf_dns(r);
	conf_fake(r);
	conf_outbounds(r);
	conf_inbounds(r);
	conf_routes(r);
	assets_faults(assets, asset_fault, r);
	return diag_count(r->sink, SEV_ERROR) > before;
}

int conf_build(struct arena *a, struct diag_sink *sink, const struct xconf *x, struct assets *assets,
	       const struct conf *before, struct conf **ret_conf)
{
	struct conf *c = arena_try_alloc(a, sizeof(*c));
	struct conf_reader reader = { .a = a, .sink = sink, .x = x, .before = before, .c = c };
	jmp_buf oom, *outer, *outer_diag;
	int r;

	if (!c)
		return -ENOMEM;
	atomic_init(&c->refs, 1);
	c->arena = a;
	c->generation = before ? before->generation + 1 : 1;
	outer = arena_on_oom(a, &oom);
	outer_diag = arena_on_oom(diag_arena(sink), &oom);
	if (setjmp(oom))
		r = -ENOMEM;
	else
		r = build(&reader, assets);
	arena_on_oom(diag_arena(sink), outer_diag);
	arena_on_oom(a, outer);
	if (r)
		give_back(c);
	else
		*ret_conf = c;
	return r;
}
