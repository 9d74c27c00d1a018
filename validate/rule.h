#ifndef XRAT_VALIDATE_RULE_H
#define XRAT_VALIDATE_RULE_H
/* One routing rule, its keys found in a single pass. Only validate/ includes this. */
#include "validate/facts.h"
#include "validate/items.h"

struct rule {
	const struct xitem *it;
	const struct value *f[RF__N]; /* NULL = absent, or a condition that holds nothing */
	bool spoilt;                  /* a condition has the wrong type, which the structure check reports */
	unsigned conditions;          /* bits of the conditions that have an effect */
};
void rule_read(const struct xitem *it, struct rule *ret_rule);
static inline bool rule_has(const struct rule *r, enum rule_field f) { return r->conditions & (1u << f); }
static inline bool rule_is_catch_all(const struct rule *r) { return !r->conditions; }
/* Where to point for the rule as a whole. */
struct span rule_at(const struct rule *r);
/* Whether a condition is there but holds for every connection (network "tcp,udp"). */
bool rule_always(enum rule_field f, const struct value *v);

#endif
