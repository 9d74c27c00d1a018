#ifndef XRAT_ENGINE_ADDR_H
#define XRAT_ENGINE_ADDR_H
/* Where a flow comes from or goes to. */
#include <netinet/in.h>

#include "engine/wire.h"
#include "route/route.h"

enum { ADDR_NAME_MAX = 255 };
struct addr {
	uint8_t family; /* 0: nothing, 4, 6: bytes of ip; 1: name */
	uint8_t name_len;
	uint16_t port;  /* host order */
	union {
		uint8_t ip[16];
		char name[ADDR_NAME_MAX + 1]; /* NUL-terminated, lower case, no trailing dot */
	};
};
enum { ADDR_NONE = 0, ADDR_NAME = 1, ADDR_V4 = 4, ADDR_V6 = 6 };
/* From a host as text: an IPv4 address, an IPv6 address in brackets or not, or a name of letters, digits, '-', '_' and
 * dots (Xray's rule for what comes over the wire; a byte above 127 is no name). One dot at the end is dropped, so
 * "192.0.2.1." is an address. 0, or -EINVAL: empty, too long, an empty label, any other byte. A mapped IPv4 address becomes
 * family 4. Nothing is written on failure; host may not lie inside a. */
int addr_set(struct addr *a, struct str host, uint16_t port);
/* The address alone; family 0 for a name. */
void addr_ip(const struct addr *a, struct route_ip *ret_ip);
void addr_set_ip(struct addr *a, const struct route_ip *ip, uint16_t port);
void addr_from_sockaddr(struct addr *a, const struct sockaddr *sa);
/* The length, or 0 when a is a name or nothing. */
socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ret_sa);
bool addr_equal(const struct addr *a, const struct addr *b);
uint64_t addr_hash(const struct addr *a);
/* "host:port" with host as addr_set takes it, an IPv6 address in brackets; "host" and "host:" when default_port is not
 * negative. 0 or -EINVAL. Port 0 is taken: whether it makes sense is the caller's to say. */
int addr_parse(struct addr *a, struct str text, int default_port);
/* The name; empty when a is none. */
static inline struct str addr_name(const struct addr *a)
{
	return a->family == ADDR_NAME ? (struct str){ a->name, a->name_len } : (struct str){ NULL, 0 };
}
/* "192.0.2.1:80", "[2001:db8::1]:443", "example.com:80", "-" for nothing; NUL-terminated. addr_parse reads it back. */
enum { ADDR_TEXT = ADDR_NAME_MAX + 10 };
void addr_text(const struct addr *a, char ret_text[ADDR_TEXT]);

/* The form of SOCKS 5, of Trojan and of Shadowsocks: type (1 IPv4, 3 name, 4 IPv6), address, port. Reading: 0; 1: not all of it
 * is there; -EAFNOSUPPORT: an unknown type; -EINVAL: a name that is none (w stands behind it, *ret has the port alone).
 * Writing: nothing is written as 0.0.0.0:0; at most ADDR_WIRE_MAX bytes. */
enum { ADDR_WIRE_MAX = 1 + 1 + ADDR_NAME_MAX + 2 };
int addr_read(struct wire *w, struct addr *ret);
void addr_write(const struct addr *a, struct wire_out *o);

#endif
