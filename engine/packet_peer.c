/* Where datagrams go and where they seem to come from, when that is not the address the client wrote: names, addresses lent by
 * FakeDNS, targets that sniffing has replaced, redirects. A path that has none of these has no peers and asks nobody. */
#include "engine/packet_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/dnsmsg.h"

int packet_fake(const struct conf *c, struct addr *a)
{
	char name[ADDR_NAME_MAX + 1];
	struct route_ip ip;
	int len = -ENOENT;

	if (a->family != ADDR_V4 && a->family != ADDR_V6)
		return -ENOENT;
	addr_ip(a, &ip);
	for (int i = 0; i < 2 && len == -ENOENT; i++)
		if (c->fake[i])
			len = fakepool_name(c->fake[i], &ip, name);
	if (len <= 0)
		return len ? len : -EINVAL;
	return addr_set(a, (struct str){ name, (size_t)len }, a->port) ? -EINVAL : len;
}

/* --- the list: the newest is the first --- */
static void free_peer(struct worker *w, struct peer *e)
{
	if (e->query)
		resolve_cancel(w, e->query);
	queue_free(&e->waiting);
	free(e);
}

void peer_free_all(struct worker *w, struct path *p)
{
	struct peer *next;

	for (struct peer *e = p->peers; e; e = next) {
		next = e->next;
		free_peer(w, e);
	}
	p->peers = NULL;
}

static void forget_oldest(struct worker *w, struct path *p)
{
	struct peer **at = &p->peers;
	unsigned n = 0;

	for (struct peer *e = p->peers; e; e = e->next)
		n++;
	if (n < PEERS_MAX)
		return;
	while ((*at)->next)
		at = &(*at)->next;
	free_peer(w, *at);
	*at = NULL;
}

/* What is used comes to the front: of two targets that are the same place the newer one's name counts for answers. */
static struct peer *find(struct path *p, const struct addr *asked)
{
	struct peer **at = &p->peers, *e;

	while ((e = *at) && !addr_equal(&e->asked, asked))
		at = &e->next;
	if (e && e != p->peers) {
		*at = e->next;
		e->next = p->peers;
		p->peers = e;
	}
	return e;
}

static struct peer *add(struct worker *w, struct path *p, const struct addr *asked, const struct addr *to)
{
	struct peer *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	forget_oldest(w, p);
	e->path = p;
	e->asked = *asked;
	e->to = *to;
	e->next = p->peers;
	p->peers = e;
	return e;
}

/* --- up --- */
static bool is_redirected(const struct outbound *o)
{
	return o->kind == OUTBOUND_FREEDOM && o->has_redirect;
}

static void redirect(const struct outbound *o, struct addr *a)
{
	uint16_t port = o->redirect.port ? o->redirect.port : a->port;

	if (o->redirect.family)
		*a = o->redirect;
	a->port = port;
}

static bool has_fake(const struct path *p)
{
	return p->inbound->sniffing.enabled && p->inbound->sniffing.fakedns;
}

/* What the client's target stands for. False: nothing. */
static bool translate(const struct path *p, struct addr *a)
{
	if (has_fake(p) && packet_fake(p->conf, a) == -EINVAL)
		return false;
	if (is_redirected(p->outbound))
		redirect(p->outbound, a);
	return true;
}

void peer_redirected(struct worker *w, struct path *p, const struct addr *asked, const struct addr *to)
{
	struct addr end = *to;

	if (is_redirected(p->outbound))
		redirect(p->outbound, &end);
	add(w, p, asked, &end);
}

/* Whether a name or so leads to the same address that the client now writes itself. */
static bool is_known(const struct path *p, const struct addr *a)
{
	struct addr known;

	for (const struct peer *e = p->peers; e; e = e->next) {
		packet_sa_addr(&e->sa, &known);
		if (addr_equal(&known, a))
			return true;
	}
	return false;
}

bool path_aim(struct worker *w, struct path *p, struct datagram *d, struct peer **ret_peer)
{
	struct peer *e = p->peers ? find(p, &d->at) : NULL;
	bool is_name = d->at.family == ADDR_NAME;
	struct addr to = d->at;

	*ret_peer = e;
	if (!e) {
		if ((has_fake(p) || is_redirected(p->outbound)) && !translate(p, &to))
			return false;
		if (addr_equal(&to, &d->at) && (is_name ? p->outbound->kind != OUTBOUND_FREEDOM : !is_known(p, &to)))
			return true;
		*ret_peer = e = add(w, p, &d->at, &to);
	}
	if (e)
		d->at = e->to;
	return e != NULL;
}

/* --- down --- */
/* A proxy does not say which address a name turned out to have: the port has to do then. */
static bool is_from(const struct peer *e, const struct addr *from)
{
	struct addr known;

	if (e->asked.family == ADDR_NAME)
		return false; /* the client knows no address for it */
	if (!e->sa.sa.sa_family)
		return e->to.family == ADDR_NAME ? e->to.port == from->port : addr_equal(&e->to, from);
	packet_sa_addr(&e->sa, &known);
	return addr_equal(&known, from);
}

void peer_origin(const struct path *p, struct addr *at)
{
	for (const struct peer *e = p->peers; e; e = e->next)
		if (is_from(e, at)) {
			*at = e->asked;
			return;
		}
}
