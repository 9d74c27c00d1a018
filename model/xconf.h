#ifndef XRAT_MODEL_XCONF_H
#define XRAT_MODEL_XCONF_H
/* An Xray configuration in parts, every part with its origin: what base makes, merge fills, validate reads and render
 * writes. */
#include "model/desired.h"
#include "model/target.h"

enum rule_slot { SLOT_BYPASS, SLOT_SYSTEM, SLOT_AFTER_SYSTEM, SLOT_MANAGED, SLOT_AFTER_MANAGED, SLOT_FULL_TUNNEL,
	SLOT__N };
extern const char *const rule_slot_names[];

/* One inbound, outbound, rule or balancer. v.span is the place that caused it (span src 0: a built-in default). */
struct xitem {
	struct value v;
	const char *owner; /* managed: "outbound of endpoint 'edge'"; NULL: the operator's own (snippet or raw file) */
	uint8_t slot;      /* rules: enum rule_slot */
	bool replaced;     /* an override stands in a managed object's place */
};
struct xlist {
	struct xitem *v;
	uint32_t n, cap;
};
enum xsection { XS_LOG, XS_API, XS_STATS, XS_POLICY, XS_DNS, XS_FAKEDNS, XS_REVERSE, XS_OBSERVATORY,
	XS_BURST_OBSERVATORY, XS__N };
extern const char *const xsection_names[]; /* Xray's keys: "log" … "fakedns" … "burstObservatory" */

struct xconf {
	enum role role;
	const struct target *target;
	struct xlist inbounds, outbounds, rules, balancers;
	struct value routing;           /* object: all of it but rules and balancers; VAL_NONE = no routing */
	struct value section[XS__N];    /* VAL_NONE = absent */
	const char *section_owner[XS__N]; /* NULL = the operator's own */
	struct value rest;              /* object: other top-level keys as written; VAL_NONE */
	bool raw;                       /* came from one complete file (check --raw) */
	const struct value *root;       /* raw: the document as read, for its own key spellings; else NULL */
	struct span at;                 /* the whole document, for "no outbounds" and the like */
};
/* Stage types: the same parts, but a later stage takes only what the earlier one made. */
struct base { struct xconf x; };
struct merged {
	struct xconf x;
	struct texts overrides_used; /* [extensions] override entries that lifted something */
};
struct checked { struct xconf x; };

struct xitem *xlist_add(struct arena *a, struct xlist *l, struct value v, const char *owner);
/* Splits one complete file. Keys match as Xray matches them (exact, else without case). A section of the wrong type is
 * left in `rest` for the structure check to report. Never fails. */
void xconf_from_value(struct arena *a, const struct value *root, const struct target *t, struct xconf *ret_x);
/* Sections in their fixed order: log, api, stats, policy, dns, fakedns, reverse, routing, inbounds, outbounds,
 * observatory, burstObservatory, the rest. */
struct value xconf_to_value(struct arena *a, const struct xconf *x);

#endif
