/* Our own network. Formats: Linux net/ipv4/fib_trie.c (fib_route_seq_show) and net/ipv6/route.c (rt6_info_route); addresses
 * of the first are hexadecimal numbers in the machine's own order, those of the second bytes in network order. */
#include "daemon/network.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/lookup.h"

enum { LIMIT_MS = 4000, NAP_MS = 100, RTF_IS_UP = 1, RTF_IS_REJECT = 0x200, ADDRESS_MAX_BYTES = 16 };

const char *const network_state_words[NETWORK_STATE__N] = {
	[NETWORK_UP] = "",
	[NETWORK_NO_ROUTE] = "own network is down: no default route",
	[NETWORK_NO_ANSWER] = "own network is down: none of the other nodes takes a connection",
};

/* --- addresses --- */
struct address {
	int family; /* AF_UNSPEC: a name */
	unsigned char bytes[ADDRESS_MAX_BYTES];
};

static struct address address_of(const char *text)
{
	struct address a = { .family = AF_INET };

	if (inet_pton(AF_INET, text, a.bytes) == 1)
		return a;
	a.family = AF_INET6;
	if (inet_pton(AF_INET6, text, a.bytes) != 1)
		a.family = AF_UNSPEC;
	return a;
}

bool network_is_loopback(const char *address)
{
	struct address a = address_of(address);

	if (a.family == AF_INET)
		return a.bytes[0] == 127;
	if (a.family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)(const void *)a.bytes);
	return str_is_nocase(str_of(address), "localhost");
}

static bool same_prefix(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	return !memcmp(a, b, whole) && (!rest || !((a[whole] ^ b[whole]) >> (8 - rest)));
}

/* --- routes --- */
struct route {
	int family;
	unsigned char to[ADDRESS_MAX_BYTES];
	unsigned bits;
};

static unsigned bits_of(uint32_t mask)
{
	unsigned n = 0;

	for (; mask; mask <<= 1)
		n++;
	return n;
}

/* The words of a line, at most max. */
static unsigned split(const char *line, struct str *ret_words, unsigned max)
{
	unsigned n = 0;

	for (;;) {
		size_t len;

		line += strspn(line, " \t");
		len = strcspn(line, " \t\n");
		if (!len || n == max)
			return n;
		ret_words[n++] = (struct str){ line, len };
		line += len;
	}
}

/* At most eight hexadecimal digits. */
static bool read_hex(struct str word, uint32_t *ret_n)
{
	uint32_t n = 0;

	if (!word.len || word.len > 8)
		return false;
	for (size_t i = 0; i < word.len; i++) {
		int digit = isdigit((unsigned char)word.p[i]) ? word.p[i] - '0' : tolower((unsigned char)word.p[i]) - 'a' + 10;

		if (!isxdigit((unsigned char)word.p[i]))
			return false;
		n = n << 4 | (uint32_t)digit;
	}
	*ret_n = n;
	return true;
}

/* Iface Destination Gateway Flags RefCnt Use Metric Mask … */
static bool read_route4(const char *line, struct route *ret_route)
{
	struct str w[8];
	uint32_t to, flags, mask;

	if (split(line, w, 8) < 8 || !read_hex(w[1], &to) || !read_hex(w[3], &flags) || !read_hex(w[7], &mask))
		return false;
	ret_route->family = AF_INET;
	memcpy(ret_route->to, &to, sizeof(to));
	ret_route->bits = bits_of(ntohl(mask));
	return flags & RTF_IS_UP && !(flags & RTF_IS_REJECT);
}

/* destination prefix-length source length next-hop metric refcnt use flags device */
static bool read_route6(const char *line, struct route *ret_route)
{
	struct str w[10];
	uint32_t flags, bits, part;

	if (split(line, w, 10) < 10 || w[0].len != 2 * ADDRESS_MAX_BYTES || !read_hex(w[1], &bits) || bits > 128 ||
	    !read_hex(w[8], &flags))
		return false;
	ret_route->family = AF_INET6;
	ret_route->bits = bits;
	for (size_t i = 0; i < ADDRESS_MAX_BYTES; i++) {
		if (!read_hex((struct str){ w[0].p + 2 * i, 2 }, &part))
			return false;
		ret_route->to[i] = (unsigned char)part;
	}
	return flags & RTF_IS_UP && !(flags & RTF_IS_REJECT) && !str_is(w[9], "lo");
}

/* Which halves of everything a table covers, as bits; and whether it covers one address. */
struct cover {
	unsigned halves;
	bool covers;
};

static void cover(struct cover *c, const struct route *r, const struct address *a)
{
	if (!r->bits)
		c->halves = 3;
	else if (r->bits == 1)
		c->halves |= r->to[0] & 0x80 ? 2 : 1;
	if (a->family == r->family && same_prefix(r->to, a->bytes, r->bits))
		c->covers = true;
}

static struct cover cover_of(const char *table, bool (*read)(const char *line, struct route *ret_route), const struct address *a)
{
	struct cover c = { 0 };
	struct route r;

	for (const char *line = table; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		memset(&r, 0, sizeof(r));
		if (read(line, &r))
			cover(&c, &r, a);
	}
	return c;
}

bool network_has_route(const char *route4, const char *route6, const char *address)
{
	struct address a = address_of(address);
	struct cover c4 = cover_of(route4, read_route4, &a), c6 = cover_of(route6, read_route6, &a);

	return network_is_loopback(address) || c4.covers || c6.covers || c4.halves == 3 || c6.halves == 3;
}

/* Allocated; NULL: it cannot be read, which says nothing. */
static char *read_table(const char *path)
{
	char *text = malloc(NETWORK_TABLE_MAX_BYTES + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = fd < 0 || !text ? -1 : 1;

	while (n > 0 && len < NETWORK_TABLE_MAX_BYTES) {
		n = read(fd, text + len, NETWORK_TABLE_MAX_BYTES - len);
		len += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[len] = 0;
	return text;
}

static bool is_routed(const struct network_world *w, const char *address)
{
	char *four = read_table(w->route4 ? w->route4 : "/proc/net/route"),
	     *six = read_table(w->route6 ? w->route6 : "/proc/net/ipv6_route");
	bool yes = !four || network_has_route(four, six, address);

	free(four);
	free(six);
	return yes;
}

/* --- other nodes --- */
static bool is_over(const struct network_world *w, int64_t end)
{
	return clock_mono_ms() >= end || (w->abort && w->abort(w->data));
}

/* One that is asked: first for its addresses, then these, one after the other. */
enum asking { ASKING_NAME, ASKING_ADDRESS, ASKING_OVER /* none takes it */, ASKING_TAKEN };
struct asked {
	struct lookup *lookup;       /* has the addresses; NULL: it could not be asked */
	const struct addrinfo *next; /* address to try */
	int fd;                      /* that connects; -1 */
	enum asking state;
};

/* The next address that is worth waiting for. */
static void connect_next(struct asked *q)
{
	q->state = ASKING_OVER;
	for (; q->state == ASKING_OVER && q->next; q->next = q->next->ai_next) {
		q->fd = socket(q->next->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (q->fd < 0)
			continue;
		if (!connect(q->fd, q->next->ai_addr, q->next->ai_addrlen) || errno == EINPROGRESS) {
			q->state = ASKING_ADDRESS;
			continue;
		}
		close(q->fd);
		q->fd = -1;
	}
}

static void learn_addresses(struct asked *q)
{
	if (lookup_result(q->lookup, &q->next))
		q->next = NULL; /* no such name, or nobody who knows: it does not answer */
	connect_next(q);
}

static void learn_connected(struct asked *q)
{
	int fault = 0;
	socklen_t len = sizeof(fault);

	if (!getsockopt(q->fd, SOL_SOCKET, SO_ERROR, &fault, &len) && !fault) {
		q->state = ASKING_TAKEN;
		return;
	}
	close(q->fd);
	q->fd = -1;
	connect_next(q);
}

static void ask(struct asked *q, const struct network_node *node)
{
	*q = (struct asked){ .fd = -1, .state = ASKING_NAME };
	if (lookup_begin(node->address, node->port, &q->lookup))
		q->state = ASKING_OVER;
}

/* Waits a little and learns what has come; how many are still asked. */
static size_t turn(struct asked *all, size_t n)
{
	struct pollfd p[NETWORK_ASKED];
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		bool is_name = all[i].state == ASKING_NAME, is_address = all[i].state == ASKING_ADDRESS;

		p[i] = (struct pollfd){ is_name ? lookup_fd(all[i].lookup) : is_address ? all[i].fd : -1,
					is_name ? POLLIN : POLLOUT, 0 };
	}
	if (poll(p, (nfds_t)n, NAP_MS) > 0)
		for (size_t i = 0; i < n; i++)
			if (p[i].revents)
				(all[i].state == ASKING_NAME ? learn_addresses : learn_connected)(&all[i]);
	for (size_t i = 0; i < n; i++)
		left += all[i].state == ASKING_NAME || all[i].state == ASKING_ADDRESS;
	return left;
}

static size_t count(const struct asked *all, size_t n, enum asking state)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		k += all[i].state == state;
	return k;
}

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_UNKNOWN };

/* A name that nobody tells in time is not known, unless there are several and nothing else: then it is the names' servers
 * that cannot be reached. */
static enum answer any_answers(const struct network_world *w, const struct network_node *const *nodes, size_t n)
{
	int64_t end = clock_mono_ms() + (w->limit_ms ? w->limit_ms : LIMIT_MS);
	struct asked all[NETWORK_ASKED];
	size_t slow;
	bool yes;

	for (size_t i = 0; i < n; i++)
		ask(&all[i], nodes[i]);
	while (turn(all, n) && !count(all, n, ASKING_TAKEN) && !is_over(w, end))
		;
	yes = count(all, n, ASKING_TAKEN);
	slow = count(all, n, ASKING_NAME);
	for (size_t i = 0; i < n; i++) {
		if (all[i].fd >= 0)
			close(all[i].fd);
		lookup_drop(all[i].lookup);
	}
	return yes ? ANSWER_YES : slow == 1 && n == 1 ? ANSWER_UNKNOWN : ANSWER_NO;
}

bool network_answers(const struct network_world *w, const struct network_node *node)
{
	return any_answers(w, &node, 1) == ANSWER_YES;
}

/* Addresses before names: who resolves names may be out of reach, or slow. */
static size_t choose(const char *address, const struct network_node *others, size_t n,
		     const struct network_node *ret_asked[NETWORK_ASKED])
{
	size_t n_asked = 0;

	for (int names = 0; names < 2; names++)
		for (size_t i = 0; i < n && n_asked < NETWORK_ASKED; i++)
			if (lookup_is_numeric(others[i].address) == !names &&
			    network_is_loopback(others[i].address) == network_is_loopback(address))
				ret_asked[n_asked++] = &others[i];
	return n_asked;
}

enum network_state network_look(const struct network_world *w, const char *address, const struct network_node *others, size_t n)
{
	const struct network_node *asked[NETWORK_ASKED];
	size_t n_asked;

	if (!is_routed(w, address))
		return NETWORK_NO_ROUTE;
	n_asked = choose(address, others, n, asked);
	return !n_asked || any_answers(w, asked, n_asked) != ANSWER_NO ? NETWORK_UP : NETWORK_NO_ANSWER;
}
