#ifndef XRAT_ENGINE_DNSMSG_H
#define XRAT_ENGINE_DNSMSG_H
/* DNS messages (RFC 1035, 2308, 6891) as bytes, and a cache of answers. Pure: times come in. Names are text in lower case
 * without a dot at the end; the root is "". A label with a dot, a control character or a space in it is refused: its text would
 * be another name's. */
#include "engine/addr.h"

enum { DNS_A = 1, DNS_AAAA = 28, DNS_NAME_MAX = 253, DNS_UDP_MAX = 4096, DNS_IPS_MAX = 64 };
enum { DNS_OK = 0, DNS_FORMERR = 1, DNS_SERVFAIL = 2, DNS_NXDOMAIN = 3, DNS_NOTIMP = 4, DNS_REFUSED = 5 };
enum { DNS_TTL_MAX = 86400, DNS_TTL_NEGATIVE = 60, DNS_CNAMES_MAX = 16 };

/* A query with one question and EDNS0 (answers up to 1232 bytes by UDP, which no path breaks up); length, or -EINVAL for a name
 * that cannot be asked for or too little room. name may be in any case and end with a dot. */
enum { DNS_QUERY_MAX = 12 + DNS_NAME_MAX + 2 + 4 + 11 };
int dnsmsg_query(uint8_t *out, size_t cap, uint16_t id, struct str name, uint16_t type);
/* The same without EDNS0, for servers that do not know it: takes it out of such a query, whose new length it returns. */
size_t dnsmsg_plain(uint8_t *query, size_t len);
struct dnsmsg_answer {
	uint16_t id, type;
	uint8_t rcode;
	bool truncated;                    /* ask again by TCP; the rest may be incomplete */
	struct route_ip ips[DNS_IPS_MAX];  /* more are left out; none in an answer to another type than A and AAAA */
	uint32_t n;
	uint32_t ttl; /* smallest of what led to ips, at most DNS_TTL_MAX; n 0: of the SOA (RFC 2308), else DNS_TTL_NEGATIVE */
};
/* Reads an answer to (id, name, type): CNAMEs are followed inside the message, at most DNS_CNAMES_MAX of them, in any order. An
 * answer without a question counts when it is an error (servers without EDNS). An extended rcode is SERVFAIL. 0; -EINVAL: not an
 * answer to that, or malformed; *ret is undefined then. */
int dnsmsg_read(struct str message, uint16_t id, struct str name, uint16_t type, struct dnsmsg_answer *ret);
/* The question of a query that came from a client (the dns outbound): 0 or -EINVAL (no standard query of class IN with one
 * question, a compressed name). */
int dnsmsg_question(struct str message, uint16_t *ret_id, char ret_name[256], uint16_t *ret_type);
/* How long an answer by UDP to that query may be: what its EDNS0 says, within 512 and DNS_UDP_MAX. */
size_t dnsmsg_room(struct str query);
/* An answer to such a query: addresses of the type asked for (others are left out), EDNS0 when the query has it. When they do
 * not all fit into cap, the answer has none and says "truncated". Length, -EINVAL (no such query), -EMSGSIZE (no room for the
 * question). */
int dnsmsg_answer_write(struct str query, uint8_t rcode, const struct route_ip *ips, uint32_t n, uint32_t ttl, uint8_t *out,
			size_t cap);

/* Bounded cache, least recently used goes; one thread. Keeps answers with DNS_OK (also without addresses) and DNS_NXDOMAIN that are
 * whole and have a ttl; names in lower case. NULL when memory is out; max_entries 0: keeps nothing. */
struct dnscache;
struct dnscache *dnscache_new(size_t max_entries);
void dnscache_free(struct dnscache *c);
/* 0 and the answer with its remaining ttl, at least 1 (id 0); 1: not there. */
int dnscache_get(struct dnscache *c, struct str name, uint16_t type, int64_t now_ms, struct dnsmsg_answer *ret);
void dnscache_put(struct dnscache *c, struct str name, const struct dnsmsg_answer *answer, int64_t now_ms);
size_t dnscache_count(const struct dnscache *c); /* entries, outdated ones that nobody asked for included */

/* FakeDNS: a pool of addresses (CIDR) lent to names, the least recently used taken back (asking either way is a use). Shared by
 * workers: it locks. A name gets the same address after a restart unless another one has it. The first address of the
 * net and the last of an IPv4 net are not lent (hosts take them for the net's own) unless the net has less than four. */
struct fakepool;
/* 0, -EINVAL for a pool that is no CIDR or a size of 0, -ENOMEM. size: names at a time; more than the pool has means all of it. */
int fakepool_new(struct fakepool **ret_pool, struct str cidr, uint32_t size);
void fakepool_free(struct fakepool *p);
/* name in lower case, 1 to 255 bytes. *ret_ip has family 0 when it is not, or when memory is out. */
void fakepool_lend(struct fakepool *p, struct str name, struct route_ip *ret_ip);
/* The name behind an address of the pool: its length, 0: in the pool but lent to nobody, -ENOENT: not of the pool. */
int fakepool_name(struct fakepool *p, const struct route_ip *ip, char ret_name[256]);

#endif
