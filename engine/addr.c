/* Hosts and ports: as text, as socket addresses, and in the form of SOCKS. */
#include "engine/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

static size_t ip_len(uint8_t family)
{
	return family == ADDR_V4 ? 4 : family == ADDR_V6 ? 16 : 0;
}

static bool is_mapped(const uint8_t ip[16])
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(ip, prefix, sizeof(prefix));
}

/* Everything behind the address is zero: addresses may be compared and copied as a whole. */
static void set_ip(struct addr *a, uint8_t family, const uint8_t *ip, uint16_t port)
{
	uint8_t bytes[16] = { 0 };

	memcpy(bytes, ip, ip_len(family));
	if (family == ADDR_V6 && is_mapped(bytes)) {
		memmove(bytes, bytes + 12, 4);
		memset(bytes + 4, 0, 12);
		family = ADDR_V4;
	}
	*a = (struct addr){ .family = family, .port = port };
	memcpy(a->ip, bytes, sizeof(bytes));
}

void addr_set_ip(struct addr *a, const struct route_ip *ip, uint16_t port)
{
	set_ip(a, ip->family, ip->bytes, port);
}

void addr_ip(const struct addr *a, struct route_ip *ret_ip)
{
	*ret_ip = (struct route_ip){ 0 };
	if (!ip_len(a->family))
		return;
	ret_ip->family = a->family;
	memcpy(ret_ip->bytes, a->ip, ip_len(a->family));
}

/* The byte as it stands in a name, 0 when it may not stand there. */
static char name_byte(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c + 32);
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.')
		return c;
	return 0;
}

static int set_name(struct addr *a, struct str host, uint16_t port)
{
	char name[ADDR_NAME_MAX + 1] = { 0 };
	char before = '.';

	if (host.len > ADDR_NAME_MAX)
		return -EINVAL;
	for (size_t i = 0; i < host.len; i++) {
		name[i] = name_byte(host.p[i]);
		if (!name[i] || (name[i] == '.' && before == '.'))
			return -EINVAL;
		before = name[i];
	}
	if (before == '.')
		return -EINVAL;
	*a = (struct addr){ .family = ADDR_NAME, .name_len = (uint8_t)host.len, .port = port };
	memcpy(a->name, name, host.len + 1);
	return 0;
}

/* An address needs a digit or a colon in the first place: most names are told by one look. */
static bool may_be_ip(struct str host)
{
	return memchr(host.p, ':', host.len) || (host.p[0] >= '0' && host.p[0] <= '9');
}

int addr_set(struct addr *a, struct str host, uint16_t port)
{
	bool in_brackets = host.len > 2 && host.p[0] == '[' && host.p[host.len - 1] == ']';
	struct route_ip ip;

	if (in_brackets)
		host = (struct str){ host.p + 1, host.len - 2 };
	else if (host.len > 1 && host.p[host.len - 1] == '.')
		host.len--;
	if (!host.len || host.len > ADDR_NAME_MAX)
		return -EINVAL;
	if (may_be_ip(host) && !route_ip_parse(host, &ip)) {
		/* A mapped address has colons, yet is family 4. */
		if (in_brackets && !memchr(host.p, ':', host.len))
			return -EINVAL;
		addr_set_ip(a, &ip, port);
		return 0;
	}
	return in_brackets ? -EINVAL : set_name(a, host, port);
}

static int parse_port(struct str text, uint16_t *ret_port)
{
	unsigned port = 0;

	if (!text.len || text.len > 5)
		return -EINVAL;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return -EINVAL;
		port = port * 10 + (unsigned)(text.p[i] - '0');
	}
	if (port > UINT16_MAX)
		return -EINVAL;
	*ret_port = (uint16_t)port;
	return 0;
}

int addr_parse(struct addr *a, struct str text, int default_port)
{
	const char *end = text.len && text.p[0] == '[' ? memchr(text.p, ']', text.len) : text.p;
	const char *colon = end ? memchr(end, ':', text.len - (size_t)(end - text.p)) : NULL;
	struct str host = text, port = { NULL, 0 };
	uint16_t number = default_port < 0 ? 0 : (uint16_t)default_port;

	if (colon) {
		host.len = (size_t)(colon - text.p);
		port = str_skip(text, host.len + 1);
	}
	if (!end || (!port.len && default_port < 0) || (port.len && parse_port(port, &number)))
		return -EINVAL;
	return addr_set(a, host, number);
}

void addr_from_sockaddr(struct addr *a, const struct sockaddr *sa)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (sa->sa_family == AF_INET) {
		memcpy(&v4, sa, sizeof(v4));
		set_ip(a, ADDR_V4, (const uint8_t *)&v4.sin_addr, ntohs(v4.sin_port));
	} else if (sa->sa_family == AF_INET6) {
		memcpy(&v6, sa, sizeof(v6));
		set_ip(a, ADDR_V6, v6.sin6_addr.s6_addr, ntohs(v6.sin6_port));
	} else {
		*a = (struct addr){ 0 };
	}
}

socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ret_sa)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(a->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(a->port) };

	switch (a->family) {
	case ADDR_V4:
		memcpy(&v4.sin_addr, a->ip, sizeof(v4.sin_addr));
		memcpy(ret_sa, &v4, sizeof(v4));
		return sizeof(v4);
	case ADDR_V6:
		memcpy(&v6.sin6_addr, a->ip, sizeof(v6.sin6_addr));
		memcpy(ret_sa, &v6, sizeof(v6));
		return sizeof(v6);
	default:
		return 0;
	}
}

static struct str host_bytes(const struct addr *a)
{
	if (a->family == ADDR_NAME)
		return (struct str){ a->name, a->name_len };
	return (struct str){ (const char *)a->ip, ip_len(a->family) };
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && a->port == b->port && str_eq(host_bytes(a), host_bytes(b));
}

uint64_t addr_hash(const struct addr *a)
{
	return wire_hash(host_bytes(a), (uint64_t)a->family << 32 | (uint64_t)a->port << 1);
}

static char *put_port(char *to, uint16_t port)
{
	char digits[5];
	unsigned n = 0;

	*to++ = ':';
	do
		digits[n++] = (char)('0' + port % 10);
	while (port /= 10);
	while (n)
		*to++ = digits[--n];
	*to = '\0';
	return to;
}

void addr_text(const struct addr *a, char ret_text[ADDR_TEXT])
{
	char *end = ret_text;

	switch (a->family) {
	case ADDR_NAME:
		memcpy(end, a->name, a->name_len);
		end += a->name_len;
		break;
	case ADDR_V4:
		inet_ntop(AF_INET, a->ip, end, INET_ADDRSTRLEN);
		end += strlen(end);
		break;
	case ADDR_V6:
		*end++ = '[';
		inet_ntop(AF_INET6, a->ip, end, INET6_ADDRSTRLEN);
		end += strlen(end);
		*end++ = ']';
		break;
	default:
		memcpy(end, "-", 2);
		return;
	}
	put_port(end, a->port);
}

/* --- on the wire --- */
enum { WIRE_V4 = 1, WIRE_NAME = 3, WIRE_V6 = 4 };

int addr_read(struct wire *w, struct addr *ret)
{
	uint8_t type = wire_u8(w);
	size_t len = type == WIRE_V4 ? 4 : type == WIRE_V6 ? 16 : type == WIRE_NAME ? wire_u8(w) : 0;
	struct str host;
	uint16_t port;

	if (!w->failed && type != WIRE_V4 && type != WIRE_NAME && type != WIRE_V6)
		return -EAFNOSUPPORT;
	host = wire_str(w, len);
	port = wire_u16(w);
	if (w->failed)
		return 1;
	if (type != WIRE_NAME) {
		set_ip(ret, type == WIRE_V4 ? ADDR_V4 : ADDR_V6, (const uint8_t *)host.p, port);
		return 0;
	}
	*ret = (struct addr){ .port = port };
	return addr_set(ret, host, port);
}

void addr_write(const struct addr *a, struct wire_out *o)
{
	static const uint8_t types[] = { [ADDR_NAME] = WIRE_NAME, [ADDR_V4] = WIRE_V4, [ADDR_V6] = WIRE_V6 };
	static const uint8_t nothing[7] = { WIRE_V4 };
	struct str host = host_bytes(a);

	if (a->family == ADDR_NONE) {
		wire_put(o, nothing, sizeof(nothing));
		return;
	}
	wire_put_u8(o, types[a->family]);
	if (a->family == ADDR_NAME)
		wire_put_u8(o, a->name_len);
	wire_put(o, host.p, host.len);
	wire_put_u16(o, a->port);
}
