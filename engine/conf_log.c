/* Section log. Without it there is no access log, and warnings go to standard error. */
#include "engine/conf_impl.h"

static const struct conf_name levels[] = {
	{ "debug", LOG_DEBUG }, { "info", LOG_INFO },       { "warning", LOG_WARNING }, { "error", LOG_ERROR },
	{ "none", LOG_NONE },   { "", LOG_WARNING },
};

/* "/16" of "/16+/64"; empty = nothing of the address is shown. */
static bool mask_bits(struct str s, int64_t most, uint8_t *ret_keep)
{
	int64_t bits = 0;

	if (str_starts(s, "/"))
		s = str_skip(s, 1);
	if (s.len && str_int(s, &bits))
		return false;
	*ret_keep = (uint8_t)bits;
	return bits >= 0 && bits <= most && bits % 8 == 0;
}

static void set_mask(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	static const struct { const char *name; uint8_t keep4, keep6; } named[] = {
		{ "", 32, 128 }, { "half", 16, 32 }, { "quarter", 8, 16 }, { "full", 0, 0 },
	};
	struct log_conf *c = to;
	struct str text, rest;

	if (!conf_text_of(r, k, v, false, &text))
		return;
	for (size_t i = 0; i < CONF_N(named); i++) {
		if (str_is(text, named[i].name)) {
			c->keep4 = named[i].keep4;
			c->keep6 = named[i].keep6;
			return;
		}
	}
	rest = text;
	if (!mask_bits(str_cut(&rest, '+'), 32, &c->keep4) || !mask_bits(rest, 128, &c->keep6))
		conf_fault(r, v->span, "'%s' must be 'quarter', 'half', 'full' or bits that are shown, like '/16+/64': whole "
			   "bytes of an IPv4 and an IPv6 address", k->name);
}

static const struct conf_key keys[] = {
	{ "access", conf_set_text, CONF_AT(struct log_conf, access) },
	{ "error", conf_set_text, CONF_AT(struct log_conf, error) },
	{ "loglevel", conf_set_name, CONF_AT(struct log_conf, level), CONF_NAMES(levels) },
	{ "dnsLog", conf_set_bool, CONF_AT(struct log_conf, dns) },
	{ "maskAddress", set_mask, .offset = 0 },
};

void conf_log(struct conf_reader *r)
{
	const struct value *v = &r->x->section[XS_LOG];
	struct log_conf *c = &r->c->log;

	*c = (struct log_conf){ .level = LOG_WARNING, .access = conf_absent(v) ? "none" : "", .error = "",
				.keep4 = 32, .keep6 = 128 };
	conf_object(r, "log", keys, CONF_N(keys), v, c);
	if (c->level == LOG_NONE)
		c->access = c->error = "none";
}
