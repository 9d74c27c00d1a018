#ifndef XRAT_ROUTE_H
#define XRAT_ROUTE_H
/* Which routing rule a flow takes: one index across all rules, compiled once, asked for each flow. The answer is always
 * that of Xray: the first rule in file order whose conditions all hold. Used by `xrat route` and by the engine.
 * Semantics: reference tables of Xray's router (app/router), as read in its source. */
#include "model/model.h"

/* --- geosite.dat, geoip.dat over given bytes (mapped by the caller): one pass finds every code --- */
struct route_dat;
/* 0, or -EINVAL: *ret_why says what is wrong and at which byte; *ret_dat is set all the same, and a rule that uses it is
 * told so (XR752). Keeps pointers into bytes. */
int route_dat_open(struct arena *a, struct str bytes, struct route_dat **ret_dat, const char **ret_why);
/* Where rules get their files from: NULL when there is none of that name ("geosite.dat", "geoip.dat", "ext" files). The
 * caller maps each file once. */
/* The getter is kept: route_why_not asks it again. */
struct route_assets {
	struct route_dat *(*get)(void *ctx, const char *file);
	void *ctx;
};

/* --- addresses --- */
struct route_ip {
	uint8_t family; /* 0 none, 4, 6; a mapped IPv4 address is family 4 */
	uint8_t bytes[16]; /* network order; 4 or 16 of them */
};
/* "192.0.2.1", "2001:db8::1"; 0 or -EINVAL. */
int route_ip_parse(struct str text, struct route_ip *ret_ip);

/* --- the table --- */
/* Two things are fixed here because a pure library cannot look them up: 'localOS' is linux, and the words self/ and xray/
 * of 'process' are folders of that name. Names and patterns fold ASCII case alone. */
enum route_network { ROUTE_TCP = 1, ROUTE_UDP = 2 };
struct route_table;
enum route_strategy { ROUTE_AS_IS, ROUTE_IP_IF_NON_MATCH, ROUTE_IP_ON_DEMAND };
/* Compiles the rules of a checked config. Faults (a missing file or list, a port from the environment) are diagnostics
 * XR750-XR769 at the rule's own place; a value that the check would have refused never matches. 0, or 1 when there were
 * errors, and then *ret_table is NULL. The table lives in the arena, its regular expressions do not: route_table_fini
 * frees them. It is never changed by asking: threads share it, each with a scratch of its own. Files (bytes of the .dat)
 * may go after it; the config has to stay for route_target_of's item and for route_why_not. */
int route_build(struct arena *a, struct diag_sink *sink, const struct xconf *x, const struct route_assets *assets,
		struct route_table **ret_table);
void route_table_fini(struct route_table *t); /* NULL is fine */
uint32_t route_count(const struct route_table *t); /* rules */
size_t route_bytes(const struct route_table *t);   /* what the table holds, without what RE2 holds */
enum route_strategy route_strategy_of(const struct route_table *t);

struct route_attr { struct str name, value; };
struct route_flow {
	enum route_network network;
	struct str domain;          /* target name, or the sniffed one for routing; empty = the target is an address */
	struct route_ip target, source, local; /* target: family 0 when it is a name */
	uint16_t port, source_port, local_port;
	struct str inbound_tag, user, protocol; /* protocol as sniffed: "http/1.1", "tls"… */
	const struct route_attr *attrs;
	uint32_t n_attrs;
	uint16_t vless_route;
	bool has_vless_route;
	struct str process;         /* name or absolute path; empty = unknown, or not of this machine */
	/* Addresses of `domain`, asked at most once and only when a rule needs them: exactly when Xray would ask. NULL:
	 * there are none. 0 and the addresses (valid until the next question), or -errno: then `target` counts, as in
	 * Xray. It must not keep a thread waiting: an engine notes that it was asked, answers -EAGAIN, resolves, and asks
	 * the whole question again. */
	int (*resolve)(void *ctx, struct str domain, const struct route_ip **ret_ips, uint32_t *ret_n);
	void *resolve_ctx;
};
/* Whether the answer for this flow may depend on the addresses of its name; a cheap test that may say yes too often. */
bool route_wants_ip(const struct route_table *t, const struct route_flow *f);

/* Memory of one thread for asking: no allocation for each flow. NULL when memory is out. */
struct route_scratch;
struct route_scratch *route_scratch_new(const struct route_table *t);
void route_scratch_free(struct route_scratch *s);

enum { ROUTE_NONE = UINT32_MAX };
/* The index of the rule that wins, ROUTE_NONE for none. */
uint32_t route_find(const struct route_table *t, struct route_scratch *s, const struct route_flow *f);

/* Where a rule sends: its outbound tag, or a balancer's choice. */
struct route_target {
	const char *outbound, *balancer; /* one of them is NULL */
	const char *rule_tag;            /* "" = none */
	const struct xitem *item;
};
void route_target_of(const struct route_table *t, uint32_t rule, struct route_target *ret_target);

/* --- why not: for `xrat route` alone, rule by rule and slow --- */
/* Why rule does not take the flow: the first condition (in Xray's order) that does not hold, with the flow's value for it;
 * NULL when it does. In the arena. Addresses of a name are taken from f->resolve when the strategy uses them at all; of
 * IPIfNonMatch, which goes through the rules twice, a flow without resolve is the first time. */
const char *route_why_not(struct arena *a, const struct route_table *t, uint32_t rule, const struct route_flow *f);

/* --- balancers --- */
/* Members of a balancer: outbound tags that its selector's prefixes pick, sorted by name; n 0 = none. */
void route_members(struct arena *a, const struct xconf *x, const struct value *balancer, const char ***ret_tags,
		   uint32_t *ret_n);

#endif
