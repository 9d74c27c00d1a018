#ifndef XRAT_ENGINE_CONF_IMPL_H
#define XRAT_ENGINE_CONF_IMPL_H
/* Between the files of engine/conf*.c: reading the objects of a configuration by tables of keys, fail closed: a value of
 * another kind, a name that is none of a list and a key that no row has are errors, never ignored. */
#include "engine/assets.h"
#include "engine/conf.h"

struct conf_reader {
	struct arena *a; /* of the table that is being made */
	struct diag_sink *sink;
	const struct xconf *x;
	const struct conf *before;
	struct route_assets assets;
	struct conf *c;
	struct map *counters, *counters_before; /* by name */
	bool has_stats;         /* section stats */
	bool in_up, in_down, out_up, out_down; /* policy.system */
};

/* --- conf_value.c --- */
struct conf_key;
/* Reads v into *to. Never called with null: that is the same as absent. */
typedef void conf_set(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to);
struct conf_name {
	const char *name;
	unsigned value;
};
struct conf_key {
	const char *name; /* as Xray spells it; matched without case */
	conf_set *set;
	uint16_t offset;  /* of what it sets in the object */
	int64_t lo, hi;   /* numbers; names: hi of them */
	const struct conf_name *names;
};
#define CONF_AT(type, member) .offset = offsetof(type, member)
#define CONF_NAMES(rows) .names = rows, .hi = sizeof(rows) / sizeof((rows)[0])
#define CONF_N(rows) (sizeof(rows) / sizeof((rows)[0]))
#define CONF_U32 .lo = 0, .hi = UINT32_MAX

/* Keys of v in the order of the rows (so that a later row wins over an earlier one); v NULL, absent or null: nothing. */
void conf_object(struct conf_reader *r, const char *what, const struct conf_key *keys, size_t n, const struct value *v,
		 void *to);
/* XR770 at that place. */
void conf_fault(struct conf_reader *r, struct span at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static inline bool conf_absent(const struct value *v) { return !v || v->kind == VAL_NONE || v->kind == VAL_NULL; }
/* v's text, or false and a fault. env:NAME is replaced where env is set. */
bool conf_text_of(struct conf_reader *r, const struct conf_key *k, const struct value *v, bool env, struct str *ret);
/* Copies into the table's arena. */
struct str conf_copy(struct conf_reader *r, struct str s);
char *conf_copy_z(struct conf_reader *r, struct str s);

conf_set conf_set_ignored;  /* read by nobody, Xray included */
conf_set conf_set_bool;     /* bool */
conf_set conf_set_u32;      /* uint32_t, lo to hi */
conf_set conf_set_i32;      /* int32_t, lo to hi */
conf_set conf_set_i64;      /* int64_t */
conf_set conf_set_str;      /* struct str */
conf_set conf_set_text;     /* const char *; without NUL inside */
conf_set conf_set_name;     /* unsigned, by the names */
conf_set conf_set_port;     /* uint16_t; env: */
conf_set conf_set_host;     /* struct addr, whose port is kept; env: */
conf_set conf_set_ip;       /* struct route_ip; env: */
conf_set conf_set_value;    /* const struct value * */
conf_set conf_set_strategy; /* enum domain_strategy */
conf_set conf_set_networks; /* unsigned, enum route_network; from a list or "tcp,udp" */

/* "80,443,1000-2000", a number, "env:NAME". */
void conf_ports(struct conf_reader *r, const char *what, const struct value *v, struct ports **ret_ports, uint32_t *ret_n);
/* One host: an address or a name; false and a fault. */
bool conf_host(struct conf_reader *r, const char *what, struct str text, struct span at, struct addr *ret);

/* "host:port", "host:", ":port": family 0 and port 0 for what is not said. False and a fault. */
bool conf_host_port(struct conf_reader *r, const char *what, const struct value *v, struct addr *ret);

/* --- conf_small.c: tables of a list --- */
/* Rules {key: list} for each list that is given, as one table; no list, or only empty ones: none. */
struct conf_list {
	const char *key; /* "domain", "ip" */
	const struct value *list;
};
void conf_small(struct conf_reader *r, const struct conf_list *lists, size_t n, struct small *ret_small);

/* --- one file each --- */
void conf_log(struct conf_reader *r);
void conf_policies(struct conf_reader *r);
void conf_dns(struct conf_reader *r);
void conf_hosts(struct conf_reader *r, const struct value *hosts);
void conf_fake(struct conf_reader *r);
void conf_fake_free(struct conf *c);
void conf_inbounds(struct conf_reader *r);
void conf_outbounds(struct conf_reader *r);
void conf_routes(struct conf_reader *r);
conf_set conf_sniffing; /* struct sniff_conf */
/* streamSettings, into struct sockopt. */
conf_set conf_stream_in, conf_stream_out;
/* dns outbound: its settings into struct outbound. */
void conf_dns_out(struct conf_reader *r, const struct value *settings, struct outbound *o);
/* Counters of an inbound, an outbound or a user ("inbound", tag), of those directions that are wanted. */
struct traffic conf_traffic(struct conf_reader *r, const char *kind, struct str name, bool up, bool down);
void conf_counters_free(struct conf *c);

#endif
