#ifndef XRAT_VALIDATE_SHADOW_H
#define XRAT_VALIDATE_SHADOW_H
/* The index behind the check of shadowed rules. Only validate/shadow*.c includes this.
 *
 * A key is one item of one condition ("domain:example.com", 10.0.0.0/8, tag "socks-in") together with a context: the
 * other conditions of its rule, as a number; 0 = none. A later rule with the same context, or any other conditions when
 * the context is 0, is covered in this item. Text of keys is not copied. */
#include "validate/domain.h"
#include "validate/rules.h"

enum { SHADOW_NONE = UINT32_MAX };

struct shadow_key {
	const char *p;
	uint32_t len, context;
	uint16_t kind;   /* what is compared: field, kind of item, prefix length */
	uint64_t hash;   /* of the bytes, made by whoever makes the key */
};
struct shadow_table;
struct shadow_table *shadow_table_new(struct arena *a, uint32_t expected);
/* The rule that put the key, or SHADOW_NONE. */
uint32_t shadow_table_find(const struct shadow_table *t, const struct shadow_key *k);
/* Keeps the earlier rule when the key is there. */
void shadow_table_put(struct shadow_table *t, const struct shadow_key *k, uint32_t rule);

/* What items the index holds, so that lookups which cannot succeed are left out. */
struct shadow_items {
	struct arena *a;
	struct shadow_table *table;
	struct nets *nets;
	uint64_t prefixes[2][3]; /* v4, v6: bit set of the prefix lengths that were put */
	bool has_suffix, folds;
};
enum shadow_fit { SHADOW_FREE, SHADOW_COVERED };
struct shadow_cover { /* the rules that cover, without repetition */
	uint32_t rules[3];
	unsigned n;
};
/* Whether every item of a condition is covered in one of two contexts; adds the covering rules. */
enum shadow_fit shadow_items_find(const struct shadow_items *s, enum rule_field f, const struct value *v,
				  const uint32_t contexts[2], struct shadow_cover *cover);
/* Whether the index now holds every item: some have no key (negated networks). */
bool shadow_items_put(struct shadow_items *s, enum rule_field f, const struct value *v, uint32_t context,
		      uint32_t rule);
/* Whether a condition is one of those that are looked at item by item. */
bool shadow_items_knows(enum rule_field f);
void shadow_cover_add(struct shadow_cover *c, uint32_t rule);

/* Conditions as a text of fixed size: two hashes of all items in their order. Equal signatures are taken for equal
 * conditions; two different ones meet once in 2^128 pairs. */
struct shadow_sig {
	uint64_t a, b;
};
void shadow_sig_join(struct shadow_sig *sig, const struct shadow_sig *other);
/* False when the condition has no text to compare (a port from the environment). */
bool shadow_sig_add(struct shadow_sig *sig, enum rule_field f, const struct value *v);

/* Target ports that rules with no other condition take. */
struct shadow_ports;
struct shadow_ports *shadow_ports_new(struct arena *a);
enum shadow_fit shadow_ports_find(struct shadow_ports *p, const struct value *v, struct shadow_cover *cover);
void shadow_ports_put(struct shadow_ports *p, const struct value *v, uint32_t rule);

#endif
