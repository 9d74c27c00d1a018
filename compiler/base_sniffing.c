/* The sniffing object, in the spelling of the target. What the target lacks is left out with a note when it is a
 * default, and refused when the operator wrote it. */
#include "compiler/base_impl.h"

/* Protocols that every target sniffs. */
static bool is_common(const char *protocol)
{
	return str_is(str_of(protocol), "http") || str_is(str_of(protocol), "tls");
}

static bool keeps(const struct maker *m, const char *protocol)
{
	return target_has(m->t, CAP_SNIFF_QUIC) || is_common(protocol);
}

static void put_exclusions(const struct maker *m, struct value *o)
{
	const struct sniffing *s = &m->knobs->sniffing;

	if (s->domains_excluded.n)
		put_texts(m, o, "domainsExcluded", &s->domains_excluded);
	if (s->ips_excluded.n)
		put_texts(m, o, "ipsExcluded", &s->ips_excluded);
}

struct value base_sniffing(const struct maker *m)
{
	const struct sniffing *s = &m->knobs->sniffing;
	struct value o = base_object(s->at), list = value_array(span_or(s->dest_override.at, s->at));

	if (!s->enabled.v)
		return (struct value){ .kind = VAL_NONE };
	put_flag(m, &o, "enabled", &s->enabled);
	for (uint32_t i = 0; i < s->dest_override.n; i++) {
		const struct text *t = &s->dest_override.v[i];
		if (keeps(m, t->s))
			value_push(m->a, &list, value_string(t->s, span_or(t->at, list.span)));
	}
	value_put(m->a, &o, "destOverride", list);
	if (target_has(m->t, CAP_SNIFF_ROUTE_ONLY))
		put_flag(m, &o, "routeOnly", &s->route_only);
	if (s->metadata_only.v && target_has(m->t, CAP_SNIFF_METADATA_ONLY))
		put_flag(m, &o, "metadataOnly", &s->metadata_only);
	if (target_has(m->t, CAP_SNIFF_METADATA_ONLY))
		put_exclusions(m, &o);
	return o;
}

static void check_written(const struct maker *m)
{
	const struct sniffing *s = &m->knobs->sniffing;
	const char *what;

	for (uint32_t i = 0; s->dest_override.set && i < s->dest_override.n; i++) {
		const struct text *t = &s->dest_override.v[i];
		what = base_format(m, "sniffing of '%s'", t->s);
		if (!is_common(t->s))
			target_takes(m, CAP_SNIFF_QUIC, DIAG_XR607, span_or(t->at, s->dest_override.at), what);
	}
	if (s->route_only.set && s->route_only.v)
		target_takes(m, CAP_SNIFF_ROUTE_ONLY, DIAG_XR607, s->route_only.at, "'route_only'");
	if (s->metadata_only.v)
		target_takes(m, CAP_SNIFF_METADATA_ONLY, DIAG_XR607, s->metadata_only.at, "'metadata_only'");
	if (s->domains_excluded.n)
		target_takes(m, CAP_SNIFF_METADATA_ONLY, DIAG_XR607, s->domains_excluded.at, "'domains_excluded'");
	if (s->ips_excluded.n)
		target_takes(m, CAP_SNIFF_METADATA_ONLY, DIAG_XR607, s->ips_excluded.at, "'ips_excluded'");
}

static void note_defaults(const struct maker *m)
{
	const struct sniffing *s = &m->knobs->sniffing;
	const char *left = "";

	for (uint32_t i = 0; !s->dest_override.set && i < s->dest_override.n; i++)
		if (!keeps(m, s->dest_override.v[i].s))
			left = base_format(m, "%s%s'%s'", left, *left ? ", " : "", s->dest_override.v[i].s);
	if (!s->route_only.set && s->route_only.v && !target_has(m->t, CAP_SNIFF_ROUTE_ONLY))
		left = base_format(m, "%s%s'routeOnly'", left, *left ? " and " : "");
	if (*left)
		diag_add(m->sink, DIAG_XR608, span_or(s->at, m->x->at),
			 "sniffing goes without %s, which %s does not have", left, m->t->name);
}

void base_sniffing_check(const struct maker *m)
{
	if (!m->knobs->sniffing.enabled.v)
		return;
	check_written(m);
	note_defaults(m);
}
