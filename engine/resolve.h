#ifndef XRAT_ENGINE_RESOLVE_H
#define XRAT_ENGINE_RESOLVE_H
/* The parts of the DNS client (worker.h has what most callers need).
 *
 *   resolve.c         a lookup: hosts, cache, the servers one after another as the table says; lookups for the same name are one
 *   resolve_send.c    an exchange: one message to one server by UDP or TCP, and its answer
 *   resolve_system.c  /etc/resolv.conf and /etc/hosts
 */
#include "engine/dnsmsg.h"
#include "engine/worker.h"

/* --- resolve.c --- */
enum {
	RESOLVE_4 = 1, RESOLVE_6 = 2,
	RESOLVE_FAKE = 4,   /* FakeDNS servers count too (queries that clients sent) */
	RESOLVE_SYSTEM = 8, /* by the system's files and servers alone */
	RESOLVE_ELSE_SYSTEM = 16, /* by them, for any kind of address, when nobody else knows one */
};
struct resolved {
	int error;     /* 0: there are addresses; -ENOENT: the name has none; -ETIMEDOUT, -EHOSTUNREACH, -ENOMEM: nobody said */
	uint8_t rcode; /* what a client that asked for it should be told */
	uint32_t ttl, n;
	const struct route_ip *ips;
};
typedef void resolved_fn(struct worker *w, void *ctx, const struct resolved *r);
/* Holding a table and dropping it is all that is done to it. */
static inline struct conf *resolve_conf(const struct conf *c)
{
	const union { const struct conf *given; struct conf *held; } u = { c };

	return u.held;
}
/* Like resolve_start. */
void resolve_ask(struct worker *w, const struct conf *c, struct str name, unsigned how, resolved_fn *done, void *ctx,
		 struct query **ret_query);

/* --- resolve_send.c --- */
struct exchange;
/* message is the answer, with the id of the query that was given; it lives until the callback returns. error: -errno. */
typedef void exchange_fn(struct worker *w, void *ctx, int error, struct str message);
struct exchange_to {
	struct addr server;    /* a name is looked up first */
	bool tcp;
	bool keep_truncated;   /* a truncated answer by UDP counts: whoever asked will ask again */
	uint32_t timeout_ms;   /* of all tries together */
	uint8_t tries;         /* by UDP; 0 = 2 */
	const struct sockopt *sockopt;
	const struct route_ip *send_through;
	const struct conf *conf; /* held by the caller, as what the two above point to */
	bool system_name;      /* the server's name is looked up by the system: it is a server of the table itself */
	const char *tag;       /* not NULL: routed as if it came from that inbound; sockopt and send_through are not used then */
};
/* Sends a query (with any id: the one that travels is random). done is called once, never before this returns; the exchange
 * is gone then. NULL: no socket, no memory. */
struct exchange *resolve_send(struct worker *w, const struct exchange_to *to, struct str query, exchange_fn *done, void *ctx);
void resolve_send_cancel(struct worker *w, struct exchange *x); /* NULL is fine */

/* --- resolve_system.c --- */
enum { SYSTEM_SERVERS = 3, SYSTEM_SEARCH = 6, SYSTEM_TRY_MS = 2000, SYSTEM_TRIES = 2 };
struct system_host {
	const char *name; /* into text */
	struct route_ip ip;
};
struct system_file {
	const char *path;
	int64_t mtime_s, mtime_ns, size, inode;
};
struct resolve_system {
	struct system_file resolv_conf, hosts_file;
	uint16_t port;       /* of the servers */
	int64_t checked_ms;  /* 0: never */
	struct addr servers[SYSTEM_SERVERS];
	unsigned n_servers;
	struct str search[SYSTEM_SEARCH]; /* in conf_text, lower case, without dots around them */
	unsigned n_search;
	unsigned ndots;      /* a name with as many dots is asked for as it is before it is with those of the search list */
	uint32_t try_ms;     /* options timeout and attempts, else the two above: shorter than the C library's, which waits 5 s */
	uint8_t tries;
	char *conf_text;
	char *text;          /* of the hosts file, cut into names */
	struct system_host *hosts; /* sorted by name */
	size_t n_hosts;
};
void resolve_system_init(struct resolve_system *s);
void resolve_system_fini(struct resolve_system *s);
/* Reads the files anew when they have changed, and looks for that every 5 seconds at most. */
void resolve_system_check(struct resolve_system *s, int64_t now_ms);
/* Addresses of the hosts file, and of localhost in any case: how many were written. */
uint32_t resolve_system_hosts(const struct resolve_system *s, struct str name, unsigned how, struct route_ip *ret_ips, uint32_t max);
/* The worker's, for tests. */
struct resolve_system *resolver_system(struct worker *w);
uint16_t resolver_random(struct worker *w); /* that nobody can guess */

#endif
