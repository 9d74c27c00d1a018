#ifndef XRAT_ENGINE_CONF_H
#define XRAT_ENGINE_CONF_H
/* What the engine runs by: one immutable table made from a checked configuration, shared by all workers. A reload makes a
 * new one; each flow keeps the one it began with, and the last flow frees it. */
#include <stdatomic.h>

#include "engine/addr.h"
#include "engine/small.h"

struct assets;
struct fakepool;
struct inbound_ops;
struct outbound_ops;

/* A number for statistics, written by the workers, read over the control socket. It outlives a reload that keeps its
 * name. */
struct counter {
	_Atomic uint64_t value;
	_Atomic uint32_t refs; /* tables that have it */
	const char *name;      /* "inbound>>>socks-in>>>traffic>>>uplink" */
};
struct traffic { /* NULL members are not counted */
	struct counter *up, *down;
};

struct policy { /* policy.levels.N; milliseconds */
	uint32_t handshake_ms, idle_ms, uplink_only_ms, downlink_only_ms;
	uint8_t chunk_most; /* bufferSize: a direction keeps 1 << chunk_most unsent bytes at most */
	bool count_up, count_down;
};
struct login {
	struct str name, password; /* name: what routing rules and statistics call it */
	uint32_t level;
	struct traffic traffic;
};

enum domain_strategy { DS_AS_IS, DS_USE_IP, DS_USE_IP4, DS_USE_IP6, DS_USE_IP46, DS_USE_IP64, DS_FORCE_IP, DS_FORCE_IP4,
	DS_FORCE_IP6, DS_FORCE_IP46, DS_FORCE_IP64 };
struct sockopt {
	bool has_mark, transparent /* tproxy */, v6only, mptcp;
	uint32_t mark;
	int32_t tcp_fast_open;      /* 0: as the system has it, negative: off, else on and the queue of a listener */
	int32_t keep_alive_idle_s, keep_alive_interval_s; /* 0 = 45 s, negative = off (listeners: unless set) */
	uint32_t user_timeout_ms, max_seg, window_clamp;  /* 0 = not set */
	const char *interface, *congestion;               /* NULL = not set */
	enum domain_strategy domain_strategy; /* as written; struct outbound has the one that counts */
	uint32_t happy_eyeballs_ms; /* between two attempts; 0 = 250, and nothing below is set */
	uint32_t happy_interleave;  /* addresses of a family before the other one's turn; 0 = 1 */
	uint32_t happy_most;        /* attempts at a time; 0 = any number */
	uint8_t happy_first;        /* 4, 6: the family that begins; 0: as the domain strategy has it */
};

struct sniff_conf {
	bool enabled, route_only, metadata_only;
	bool http, tls, quic, fakedns; /* destOverride */
	unsigned tcp_mask, udp_mask;   /* 1 << enum sniff_kind of all that are looked for */
	struct small excluded;         /* matches what must not be overridden: the sniffed name, the target's address */
};

enum inbound_kind { INBOUND_SOCKS, INBOUND_HTTP, INBOUND_MIXED, INBOUND_TUNNEL, INBOUND__N };
struct ports {
	uint16_t first, last;
};
struct port_target {
	uint16_t port;      /* of the listener */
	struct addr target; /* family 0 keeps the host, port 0 the port */
};
struct inbound {
	const char *tag;    /* "" = none */
	enum inbound_kind kind; /* socks is mixed, as in Xray */
	const struct inbound_ops *ops;
	struct traffic traffic;
	struct sniff_conf sniffing;
	struct sockopt sockopt;
	const struct policy *policy;  /* of userLevel */
	uint32_t level;
	/* where it listens */
	struct route_ip listen;       /* family 0: unix_path; "::" and "0.0.0.0" are both families (v6only: not IPv4) */
	const char *unix_path;        /* NULL; "@name" is abstract, "@@name" too and padded with zeros to the full length */
	uint32_t unix_mode;
	struct ports *ports;
	uint32_t n_ports;
	bool tcp, udp;
	/* socks, http, mixed */
	bool needs_login;             /* and with no users nobody comes in */
	const struct login *users;
	uint32_t n_users;
	bool udp_associate, allow_transparent;
	struct route_ip udp_ip;       /* family 0: the address the client connected to */
	/* tunnel */
	struct addr target;           /* family 0: the loopback address, port 0: the listener's own */
	const struct port_target *port_map;
	uint32_t n_port_map;
	bool follow_redirect;         /* sockopt.transparent: the local address is the target, else SO_ORIGINAL_DST */
};

enum outbound_kind { OUTBOUND_FREEDOM, OUTBOUND_BLACKHOLE, OUTBOUND_SOCKS, OUTBOUND_HTTP, OUTBOUND_LOOPBACK, OUTBOUND_DNS,
	OUTBOUND__N };
enum dns_action { DNS_DIRECT, DNS_DROP, DNS_RETURN /* rcode */, DNS_HIJACK /* answered by the dns section: A, AAAA */ };
struct dns_rule {
	enum dns_action action;
	const struct ports *types; /* of queries */
	uint32_t n_types;          /* 0 = any */
	struct small names;        /* no table = any */
	uint16_t rcode;
};
enum send_from {
	SEND_FROM_ANY,
	SEND_FROM_IP,     /* send_through */
	SEND_FROM_NET,    /* any address whose first send_bits are those of send_through */
	SEND_FROM_LOCAL,  /* "origin": where the client connected to */
	SEND_FROM_SOURCE, /* "srcip": where the client is */
};
struct outbound {
	const char *tag;           /* "" = none */
	enum outbound_kind kind;
	const struct outbound_ops *ops;
	struct traffic traffic;
	struct sockopt sockopt;
	const struct policy *policy;   /* times of what goes through it: Xray takes the outbound's level, not the inbound's */
	uint32_t level;
	enum send_from send_from;
	uint8_t send_bits;
	struct route_ip send_through;  /* family 0 = none */
	enum domain_strategy strategy; /* of the names that it dials: targetStrategy, domainStrategy, sockopt's */
	bool has_redirect;             /* freedom: family 0 of redirect keeps the host, port 0 the port */
	struct addr redirect;
	bool http_answer;              /* blackhole */
	struct addr server;            /* socks, http; dns: family 0 keeps the host, port 0 the port */
	bool has_user;                 /* socks, http: password to give */
	struct login user;
	const char *inbound_tag;       /* loopback: routed again as if from there */
	uint8_t dns_network;           /* dns: enum route_network; 0 = as the query came */
	const struct dns_rule *dns_rules; /* dns: the first that matches decides; the last one always does */
	uint32_t n_dns_rules;
};
struct balancer {
	const char *tag;
	const struct outbound **members;
	uint32_t n;
	bool round_robin;
	_Atomic uint32_t next;
};
/* What a rule leads to: one of the two. */
struct route_goal {
	const struct outbound *outbound;
	struct balancer *balancer;
	const char *rule_tag; /* "" = none */
};

struct dns_server {
	struct addr addr;
	bool tcp, is_local;       /* is_local: the system's resolver (/etc/resolv.conf) */
	bool direct;              /* "+local": not through the router */
	bool is_fake;             /* "fakedns": for hijacked queries alone */
	bool want4, want6, disable_cache, skip_fallback, final_query;
	uint32_t timeout_ms;
	const char *tag;          /* inbound tag of its queries for the router; "" = none */
	struct route_ip client_ip; /* EDNS client subnet; family 0 = none */
	struct small names;       /* those it is asked for first; no table = none */
	struct small expected, unexpected; /* addresses; no table = any, none */
	bool prefer_expected, prefer_others; /* "*": only if something is left then */
};
/* What a name of hosts stands for: hosts.h asks. */
struct dns_answer {
	struct route_ip *ips;
	uint32_t n_ips;
	struct str alias; /* empty = none */
	int32_t rcode;    /* "#3"; -1 = none */
};
struct dns_host {
	struct str name;
	struct dns_answer answer;
};
struct dns_group { /* of patterns with the same answer */
	struct small names;
	struct dns_answer answer;
};
struct dns_conf {
	struct dns_server *servers; /* at least one */
	uint32_t n_servers;
	struct dns_host *hosts;     /* exact names, sorted */
	uint32_t n_hosts;
	struct dns_group *groups;
	uint32_t n_groups;
	bool want4, want6, disable_fallback, disable_fallback_if_match;
};

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR, LOG_NONE };
struct log_conf {
	enum log_level level;
	const char *access, *error; /* path, "" = stdout / stderr, "none" */
	uint8_t keep4, keep6;       /* maskAddress: bits of an address that are shown; 32 and 128: all */
	bool dns;
};

struct conf {
	_Atomic uint32_t refs;
	struct arena *arena;
	uint64_t generation;        /* counts reloads, from 1; no two tables of a process share one */
	struct inbound *inbounds;
	uint32_t n_inbounds;
	struct outbound *outbounds; /* the first takes what no rule takes */
	uint32_t n_outbounds;
	struct route_table *routes; /* NULL = no rules */
	struct route_goal *goals;   /* of each rule */
	struct balancer **balancers;
	uint32_t n_balancers;
	struct dns_conf dns;
	struct fakepool *fake[2];   /* IPv4, IPv6; NULL */
	struct log_conf log;
	struct policy *policies;    /* sorted by level */
	uint32_t *policy_levels, n_policies;
	struct policy policy;       /* of levels that have none */
	struct counter **counters;
	uint32_t n_counters;
	/* of conf.c and small.c */
	struct route_table **smalls;
	uint32_t n_smalls, cap_smalls, cap_counters;
	struct conf_pool *pools[2]; /* who owns fake[] */
};
/* Made from a configuration that `engine check` has passed; keeps nothing of x. What the engine does not take, and names that
 * lead nowhere, are diagnostics XR770-XR772. before: the table in force, NULL at the start; counters with the same name and
 * fakedns pools of the same kind go on. assets (NULL: no .dat files) are not needed afterwards.
 * 0: the arena belongs to the table, whose only holder is the caller; 1: errors in the sink; -ENOMEM. */
int conf_build(struct arena *a, struct diag_sink *sink, const struct xconf *x, struct assets *assets,
	       const struct conf *before, struct conf **ret_conf);
const struct policy *conf_policy(const struct conf *c, uint32_t level);
/* Any thread. */
void conf_hold(struct conf *c);
void conf_drop(struct conf *c); /* the last one frees */

#endif
