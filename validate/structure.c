/* The structure check: every object of the configuration against its table of keys. Types, ranges, names of values and
 * required keys are errors where the engine refuses the file or would do something else than was written; a key the
 * engine does not read is a warning. */
#include "validate/structure.h"

#include <stdarg.h>
#include <string.h>

struct diag *walk_add(struct walk *w, enum diag_code code, struct span at, const char *fmt, ...)
{
	if (w->managed) {
		for (unsigned i = 0; i < diag_total(w->sink); i++) {
			const struct diag *d = diag_at(w->sink, i);
			if (d->severity == SEV_ERROR && d->at.src == at.src && d->at.begin == at.begin)
				return NULL;
		}
	}
	va_list ap;
	va_start(ap, fmt);
	struct diag *d = diag_add(w->sink, code, at, "%s", arena_vprintf(w->a, fmt, ap));
	va_end(ap);
	return d;
}

const char *walk_known_to(struct walk *w, unsigned lacks)
{
	const char *list = "";
	for (size_t i = 0; i < targets_n; i++) {
		if (!(lacks & targets[i].bit) && targets[i].family != ENGINE_BUILTIN)
			list = arena_printf(w->a, "%s%s%s", list, *list ? ", " : "", targets[i].name);
	}
	return list;
}

static bool value_empty(const struct value *v)
{
	switch (v->kind) {
	case VAL_STRING:
		return !v->len;
	case VAL_ARRAY:
		return !v->n;
	case VAL_OBJECT:
		return !v->n_members;
	default:
		return v->kind == VAL_NULL;
	}
}

/* The embedded engine refuses what is not a row; the others ignore it. */
static bool fails_closed(const struct walk *w)
{
	return w->t->family == ENGINE_BUILTIN;
}

static void unknown_key(struct walk *w, const struct xtable *t, const struct member *m)
{
	bool closed = fails_closed(w);
	struct diag *d =
		walk_add(w, closed ? DIAG_XR413 : DIAG_XR402, m->key_span, "unknown key '%.*s' in %s: %s %s it",
			 (int)m->key_len, m->key, t->title, walk_engine(w), closed ? "refuses" : "ignores");
	if (!d)
		return;
	const char *nearest = xkey_nearest(w->a, t, member_key(m));
	if (nearest)
		diag_help(w->sink, d, "did you mean '%s'?", nearest);
	else if (m->key_len && (m->key[0] == '#' || m->key[0] == '/' || m->key[0] == '_'))
		diag_help(w->sink, d, "for a comment write // before it");
}

static bool said_elsewhere(const struct walk *w, const struct xkey *k)
{
	return k->flags & (fails_closed(w) ? XK_NOTED : XK_REPORTED);
}

/* The key is outside the subset of the embedded engine: always an error, with the engines that read it. */
static void refused_key(struct walk *w, const struct xkey *k, const struct member *m)
{
	bool gone = k->lacks & TARGET_BIT_XRAY_26_7;
	const char *others = walk_known_to(w, k->lacks);
	if ((gone && k->flags & XK_HARMLESS) || (k->flags & XK_EMPTY_OK && value_empty(&m->value)))
		return;
	struct diag *d = walk_add(w, DIAG_XR413, m->key_span, "'%s' is not read by %s: it refuses the file", k->name,
				  w->t->name);
	const char *advice = gone && k->advice ? k->advice : "leave it out";
	if (d && *others)
		diag_help(w->sink, d, "%s, or choose an engine that reads it: %s", advice, others);
	else if (d)
		diag_help(w->sink, d, "%s", advice);
}

/* The key is one that this target does not read. */
static void lacking_key(struct walk *w, const struct xkey *k, const struct member *m)
{
	if (said_elsewhere(w, k) || m->value.kind == VAL_NULL)
		return;
	if (fails_closed(w)) {
		refused_key(w, k, m);
		return;
	}
	if (k->flags & XK_HARMLESS || w->managed)
		return;
	bool gone = !(~k->lacks & TARGET_BITS_ALL), refused = k->flags & XK_REFUSED;
	if (refused && k->flags & XK_EMPTY_OK && value_empty(&m->value))
		return;
	enum diag_code code = refused                            ? DIAG_XR405 :
			      k->flags & XK_MATTERS && !gone     ? DIAG_XR413 :
			      k->advice || !walk_known_to(w, k->lacks)[0] ? DIAG_XR404 :
								   DIAG_XR412;
	struct diag *d = walk_add(w, code, m->key_span, "'%s' is not read by %s%s", k->name, w->t->name,
				  refused ? " any more: it refuses the file" : "");
	if (!d)
		return;
	if (k->advice)
		diag_help(w->sink, d, "%s", k->advice);
	else if (!gone)
		diag_help(w->sink, d, "leave it out, or choose an engine that reads it: %s",
			  walk_known_to(w, k->lacks));
}

static const struct xkey *find_key(struct walk *w, const struct xtable *t, const struct member *m)
{
	const struct xkey *k = xkey_find(t, m->key, m->key_len);
	if (k)
		return k;
	k = xkey_find_nocase(t, member_key(m));
	if (!k) {
		unknown_key(w, t, m);
		return NULL;
	}
	struct diag *d = walk_add(w, DIAG_XR403, m->key_span, "the key '%.*s' is spelt '%s'", (int)m->key_len,
				  m->key, k->name);
	if (d)
		diag_help(w->sink, d, "%s reads it in any case, other tools do not", walk_engine(w));
	return k;
}

static bool has(const struct xtable *t, uint64_t seen, const char *name)
{
	const struct xkey *k = name ? xkey_find(t, name, strlen(name)) : NULL;
	return k && seen >> (k - t->keys) & 1;
}

/* "'a', 'b' or 'c'" */
static const char *any_text(struct walk *w, const struct xneed *need)
{
	const char *text = arena_printf(w->a, "'%s'", need->any[0]);
	for (int i = 1; i < 3 && need->any[i]; i++)
		text = arena_printf(w->a, "%s or '%s'", text, need->any[i]);
	return text;
}

static void missing(struct walk *w, const struct xtable *t, const struct value *v, const char *what, const char *first)
{
	const struct member *m = v->kind == VAL_OBJECT ? value_member_nocase(v, first) : NULL;
	if (w->managed && diag_count(w->sink, SEV_ERROR))
		return; /* it was written, and refused where it was read */
	if (m && m->value.kind != VAL_NULL)
		walk_add(w, DIAG_XR406, m->value.span, "%s of %s is empty", what, t->title);
	else
		walk_add(w, DIAG_XR406, walk_point(v), "%s of %s is missing", what, t->title);
}

static void check_needs(struct walk *w, const struct xtable *t, const struct value *v, uint64_t seen)
{
	for (size_t i = 0; i < t->n_needs; i++) {
		const struct xneed *n = &t->needs[i];
		if (n->when && !has(t, seen, n->when))
			continue;
		if (n->is && !str_is(value_get_str(v, n->when), n->is))
			continue;
		if (has(t, seen, n->unless[0]) || has(t, seen, n->unless[1]))
			continue;
		if (!has(t, seen, n->any[0]) && !has(t, seen, n->any[1]) && !has(t, seen, n->any[2]))
			missing(w, t, v, any_text(w, n), n->any[0]);
	}
}

static void check_clash(struct walk *w, const struct xtable *t, const struct xkey *k, const struct member *one,
			const struct member *other)
{
	if (!one || !other || !walk_above_zero(&one->value) || !walk_above_zero(&other->value))
		return;
	struct diag *d = walk_add(w, DIAG_XR422, other->key_span, "'%s' and '%s' of %s exclude each other", k->beats,
				  k->name, t->title);
	if (!d)
		return;
	diag_relate(w->sink, d, one->key_span, "'%s' is here", k->beats);
	diag_help(w->sink, d, "keep one of them");
}

static void check_beaten(struct walk *w, const struct xtable *t, const struct value *v, uint64_t seen,
			 const struct xkey *winner)
{
	if (!has(t, seen, winner->name) || !has(t, seen, winner->beats))
		return;
	const struct member *m = value_member_nocase(v, winner->beats);
	const struct member *by = value_member_nocase(v, winner->name);
	if (winner->flags & XK_CLASHES) {
		check_clash(w, t, winner, m, by);
		return;
	}
	struct diag *d = m ? walk_add(w, DIAG_XR419, m->key_span, "'%s' has no effect beside '%s'", winner->beats,
				      winner->name) : NULL;
	if (d && by)
		diag_relate(w->sink, d, by->key_span, "this one is used");
}

/* An absent object that the engine reads as {}. */
static void check_implied(struct walk *w, const struct xkey *k, const struct value *v)
{
	struct str by = value_get_str(v, k->variants->by);
	const struct xtable *t = by.p ? xvariant_find(k->variants, by) : NULL;
	if (t)
		walk_absent(w, t, v);
}

static void check_rows(struct walk *w, const struct xtable *t, const struct value *v, uint64_t seen, uint64_t written)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct xkey *k = &t->keys[i];
		if (k->flags & XK_REQUIRED && !(seen >> i & 1))
			missing(w, t, v, arena_printf(w->a, "'%s'", k->name), k->name);
		if (k->flags & XK_IMPLIED && !(written >> i & 1))
			check_implied(w, k, v);
		if (k->beats)
			check_beaten(w, t, v, seen, k);
	}
	check_needs(w, t, v, seen);
}

void walk_absent(struct walk *w, const struct xtable *t, const struct value *at)
{
	struct value nothing = { .kind = VAL_OBJECT, .span = at->span };
	check_rows(w, t, &nothing, 0, 0);
}

/* An inbound needs a port unless it listens on a Unix socket or is a TUN device. */
static void check_inbound(struct walk *w, const struct value *v)
{
	const struct member *port = value_member_nocase(v, "port"), *listen = value_member_nocase(v, "listen");
	if (port && port->value.kind != VAL_NULL)
		return;
	struct str on = listen && listen->value.kind == VAL_STRING ? value_str(&listen->value) : STR("");
	if (str_is_nocase(value_get_str(v, "protocol"), "tun") || str_starts(on, "/") || str_starts(on, "@"))
		return;
	walk_add(w, DIAG_XR406, walk_point(v), "'port' of %s is missing", xt_inbound.title);
}

/* Whether a value satisfies a requirement: "" and [] do not, but {} does; "" is 0 as a range and one text as a list. */
static bool counts(const struct xkey *k, const struct value *v)
{
	if (v->kind == VAL_STRING && (k->type == XT_STRLIST || (k->type == XT_RANGE && !k->hi)))
		return true;
	return !value_empty(v) || v->kind == VAL_OBJECT;
}

void walk_object(struct walk *w, const struct xtable *t, const struct value *v)
{
	uint64_t seen = 0, written = 0;
	for (uint32_t i = 0; i < v->n_members; i++) {
		const struct member *m = &v->members[i];
		const struct xkey *k = find_key(w, t, m);
		if (!k)
			continue;
		uint64_t bit = (uint64_t)1 << (k - t->keys);
		if (m->value.kind != VAL_NULL)
			written |= bit;
		if (counts(k, &m->value))
			seen |= bit;
		if (k->lacks & w->t->bit)
			lacking_key(w, k, m);
		if (!(k->lacks & w->t->bit) || said_elsewhere(w, k))
			walk_value(w, k, &m->value, v);
	}
	check_rows(w, t, v, seen, written);
	if (t == &xt_inbound)
		check_inbound(w, v);
}

static void walk_items(struct walk *w, const struct xlist *l, const struct xtable *t, const char *key)
{
	for (uint32_t i = 0; i < l->n; i++) {
		const struct xitem *it = &l->v[i];
		w->managed = it->owner && !it->replaced;
		if (it->v.kind == VAL_OBJECT)
			walk_object(w, t, &it->v);
		else
			walk_add(w, DIAG_XR401, it->v.span, "an element of '%s' must be an object, not %s", key,
				 value_kind_name(it->v.kind));
	}
	w->managed = false;
}

static void walk_part(struct walk *w, const char *key, const struct value *v, bool managed)
{
	if (v->kind == VAL_NONE)
		return;
	w->managed = managed;
	walk_value(w, xkey_find(&xt_root, key, strlen(key)), v, v);
	w->managed = false;
}

/* The parts of a compiled configuration: its keys were chosen by the merge, so the top level itself needs no check. */
static void walk_parts(struct walk *w, const struct xconf *x)
{
	for (unsigned s = 0; s < XS__N; s++)
		walk_part(w, xsection_names[s], &x->section[s], x->section_owner[s] != NULL);
	walk_part(w, "routing", &x->routing, false);
	walk_items(w, &x->rules, &xt_rule, "rules");
	walk_items(w, &x->balancers, &xt_balancer, "balancers");
	walk_items(w, &x->inbounds, &xt_inbound, "inbounds");
	walk_items(w, &x->outbounds, &xt_outbound, "outbounds");
	if (x->rest.kind == VAL_OBJECT)
		walk_object(w, &xt_root, &x->rest);
}

static void check_some(struct walk *w, const struct xconf *x, const struct xlist *l, const char *key,
		       enum diag_code code, const char *consequence)
{
	if (l->n)
		return;
	const struct member *m = x->root && x->root->kind == VAL_OBJECT ? value_member_nocase(x->root, key) : NULL;
	struct span at = m ? m->key_span : x->at;
	if (!m && at.end > at.begin)
		at.end = at.begin + 1;
	if (!m || m->value.kind == VAL_ARRAY || m->value.kind == VAL_NULL)
		walk_add(w, code, at, "there is no %.*s: %s", (int)strlen(key) - 1, key, consequence);
}

void validate_structure(struct arena *a, struct diag_sink *sink, const struct xconf *x)
{
	struct walk w = { .a = a, .sink = sink, .t = x->target };
	if (x->root && x->root->kind != VAL_OBJECT) {
		walk_add(&w, DIAG_XR401, x->root->span, "the file must hold an object, not %s",
			 value_kind_name(x->root->kind));
		return;
	}
	if (x->root)
		walk_object(&w, &xt_root, x->root);
	else
		walk_parts(&w, x);
	check_some(&w, x, &x->inbounds, "inbounds", DIAG_XR414, "nothing can reach this proxy");
	check_some(&w, x, &x->outbounds, "outbounds", DIAG_XR415, "every connection would die");
}
