#ifndef XRAT_MODEL_NAMES_H
#define XRAT_MODEL_NAMES_H
/* Rules for tags, hosts, addresses, UUIDs and ruleTags. */
#include "lib/lib.h"

/* Lower case; a-z 0-9 kept, every other run becomes one '-', trimmed. May be empty. */
char *name_sanitise(struct arena *a, struct str s);
/* Which reserved pattern a name falls under after trimming, without case: "proxy-*", "xp2p-*", "*.rev"; NULL when
 * none. */
const char *name_reserved(struct str tag);
bool name_is_host(struct str s);  /* IP literal or DNS name; no brackets, spaces or scheme */
bool name_is_uuid(struct str s);  /* 36 characters, hyphens in place */

struct ip_net { /* v4 in the first 4 bytes */
	uint8_t addr[16];
	uint8_t prefix; /* 0..32 or 0..128 */
	bool v6;
};
/* An address or CIDR. 0 or -EINVAL. host bits are kept; prefix of a bare address is full length. */
int ip_parse(struct str s, struct ip_net *ret_net);
bool ip_is_literal(struct str s); /* a bare v4 or v6 address */
void ip_mask(struct ip_net *net); /* clears host bits */
char *ip_format(struct arena *a, const struct ip_net *net, bool with_prefix);
bool ip_contains(const struct ip_net *outer, const struct ip_net *inner);
/* Loopback, private, link-local, CGNAT, documentation… : not a public address. */
bool ip_is_private(const struct ip_net *net);
/* A private address, or a name that never leaves a network (no dot, .lan, .internal, .test …): where Xray 26.7
 * tolerates VLESS and Trojan without TLS. */
bool host_is_private(struct str host);

/* "xp2p-" + 16 hex digits: first 8 bytes of SHA-256 over the parts, each trimmed and lower-cased, empty ones dropped,
 * joined with NUL (vectors: tests/unit). parts is NULL-terminated. */
char *rule_tag(struct arena *a, const char *const *parts);

#endif
