/* Conditions as a pair of hashes. */
#include "validate/shadow.h"

#include <string.h>

static void mix(struct shadow_sig *sig, uint64_t a, uint64_t b)
{
	sig->a = (sig->a ^ a) * 0xff51afd7ed558ccdu;
	sig->a ^= sig->a >> 29;
	sig->b = (sig->b + b + 0x9e3779b97f4a7c15u) * 0xc4ceb9fe1a85ec53u;
	sig->b ^= sig->b >> 31;
}

static void mix_text(struct shadow_sig *sig, struct str s)
{
	uint64_t other = 0x2545f4914f6cdd1du ^ s.len, word;

	mix(sig, str_hash(s), s.len);
	for (; s.len; s = str_skip(s, s.len < sizeof(word) ? s.len : sizeof(word))) {
		word = 0;
		memcpy(&word, s.p, s.len < sizeof(word) ? s.len : sizeof(word));
		other = (other + word) * 0xd6e8feb86659fd93u;
		other ^= other >> 32;
	}
	sig->b = (sig->b ^ other) * 0xc4ceb9fe1a85ec53u;
}

static bool add_ports(struct shadow_sig *sig, const struct value *v)
{
	struct xports ports = xports_of(v);
	struct xport p;

	while (xports_next(&ports, &p)) {
		if (p.kind >= XPORT_ENV)
			return false;
		mix(sig, p.from, p.to);
	}
	return true;
}

static bool add_attrs(struct shadow_sig *sig, const struct value *v)
{
	for (uint32_t i = 0; i < v->n_members; i++) {
		if (v->members[i].value.kind != VAL_STRING)
			return false;
		mix_text(sig, member_key(&v->members[i]));
		mix_text(sig, value_str(&v->members[i].value));
	}
	return true;
}

void shadow_sig_join(struct shadow_sig *sig, const struct shadow_sig *other)
{
	mix(sig, other->a, other->b);
}

bool shadow_sig_add(struct shadow_sig *sig, enum rule_field f, const struct value *v)
{
	struct xparts it = xparts_of(v);
	struct xpart item;

	mix(sig, f, v->kind == VAL_OBJECT ? v->n_members : 0);
	switch (f) {
	case RF_PORT:
	case RF_SOURCE_PORT:
	case RF_LOCAL_PORT:
	case RF_VLESS_ROUTE:
		return add_ports(sig, v);
	case RF_ATTRS:
		return add_attrs(sig, v);
	default:
		while (xparts_next(&it, &item))
			mix_text(sig, item.s);
		return true;
	}
}
