/* log, api, stats, policy and routing: the sections that every managed base has. */
#include "compiler/base_impl.h"

void base_section_set(const struct maker *m, enum xsection s, struct value v, const char *owner)
{
	m->x->section[s] = v;
	m->x->section_owner[s] = owner;
}

static void log_section(const struct maker *m)
{
	const struct xray_knobs *k = m->knobs;
	struct value log = base_object(k->logs.at);

	put_text(m, &log, "access", &k->logs.access);
	if (k->logs.error.set || text_given(&k->logs.error))
		put_text(m, &log, "error", &k->logs.error);
	put_text(m, &log, "loglevel", &k->logs.level);
	if (k->logs.dns_log.v && target_takes(m, CAP_LOG_MASK, DIAG_XR614, k->logs.dns_log.at, "'dns_log'"))
		put_flag(m, &log, "dnsLog", &k->logs.dns_log);
	if (text_given(&k->logs.mask) && target_takes(m, CAP_LOG_MASK, DIAG_XR614, k->logs.mask.at, "'mask'"))
		put_text(m, &log, "maskAddress", &k->logs.mask);
	base_section_set(m, XS_LOG, log, "log settings");
}

static void api_section(const struct maker *m)
{
	const struct xray_knobs *k = m->knobs;
	struct value api = base_object(k->logs.api_at);

	if (!k->logs.api_enabled.v)
		return;
	if (!target_has(m->t, CAP_API)) {
		struct diag *d = diag_add(m->sink, DIAG_XR609, span_or(k->logs.api_at, m->x->at),
					  "'api' is left out: %s has none", m->t->name);
		diag_help(m->sink, d, "its counters are read with 'xrat engine stats'");
		return;
	}
	put_text(m, &api, "tag", &k->logs.api_tag);
	if (target_has(m->t, CAP_API_LISTEN))
		put_text(m, &api, "listen", &k->logs.api_listen);
	put_texts(m, &api, "services", &k->logs.api_services);
	base_section_set(m, XS_API, api, "API");
}

/* Counters of level 0 and of every inbound and outbound. */
static void stats_sections(const struct maker *m)
{
	static const char *const user[] = { "statsUserUplink", "statsUserDownlink" };
	static const char *const system[] = { "statsInboundUplink", "statsInboundDownlink", "statsOutboundUplink",
		"statsOutboundDownlink" };
	struct span at = m->knobs->logs.stats_enabled.at;
	struct value policy = base_object(at), levels = base_object(at), zero = base_object(at), sys = base_object(at);

	if (!m->knobs->logs.stats_enabled.v)
		return;
	for (size_t i = 0; i < 2; i++)
		value_put_bool(m->a, &zero, user[i], true);
	if (target_has(m->t, CAP_STATS_ONLINE))
		value_put_bool(m->a, &zero, "statsUserOnline", true);
	for (size_t i = 0; i < 4; i++)
		value_put_bool(m->a, &sys, system[i], true);
	value_put(m->a, &levels, "0", zero);
	value_put(m->a, &policy, "levels", levels);
	value_put(m->a, &policy, "system", sys);
	base_section_set(m, XS_STATS, base_object(at), "counters");
	base_section_set(m, XS_POLICY, policy, "counters");
}

void base_sections(const struct maker *m)
{
	const struct xray_knobs *k = m->knobs;

	log_section(m);
	api_section(m);
	stats_sections(m);
	m->x->routing = base_object(k->routing.at);
	put_text(m, &m->x->routing, "domainStrategy", &k->routing.domain_strategy);
}
