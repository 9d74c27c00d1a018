/* Answers of a transparent inbound come from the address that the client wrote to, which is not of this machine: a socket is bound to
 * each such address (IP_TRANSPARENT), and kept while it is in use. */
#include "engine/packet_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/sock.h"

enum { FOREIGN_MAX = 256, FOREIGN_IDLE_MS = 60 * 1000 };

struct foreign {
	struct foreign *next;
	struct addr at;
	bool has_mark;
	uint32_t mark;
	int fd;
	int64_t used_ms;
};

static void drop(struct foreign **at)
{
	struct foreign *f = *at;

	*at = f->next;
	close(f->fd);
	free(f);
}

void foreign_close_all(struct worker *w)
{
	while (w->packets->foreign)
		drop(&w->packets->foreign);
}

/* The list is in the order of use; what has not been used for long goes, and what is too much. */
static void tidy(struct worker *w)
{
	struct foreign **at = &w->packets->foreign;
	unsigned n = 0;

	while (*at && n < FOREIGN_MAX && w->loop.now_ms - (*at)->used_ms < FOREIGN_IDLE_MS) {
		at = &(*at)->next;
		n++;
	}
	while (*at)
		drop(at);
}

static int open_foreign(const struct addr *at, const struct sockopt *of)
{
	struct sockopt o = { .has_mark = of->has_mark, .mark = of->mark, .transparent = true, .v6only = true };

	return sock_udp_foreign(at, &o);
}

static struct foreign *make(struct worker *w, const struct addr *at, const struct sockopt *o)
{
	struct foreign *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->fd = open_foreign(at, o);
	if (f->fd < 0) {
		elog(w, LOG_WARNING, 0, "no socket to answer with a foreign address: %s", strerror(-f->fd));
		free(f);
		return NULL;
	}
	f->at = *at;
	f->has_mark = o->has_mark;
	f->mark = o->mark;
	return f;
}

static struct foreign *find(struct worker *w, const struct addr *at, const struct sockopt *o)
{
	struct foreign **place = &w->packets->foreign, *f;

	while ((f = *place) && (!addr_equal(&f->at, at) || f->has_mark != o->has_mark || f->mark != o->mark))
		place = &f->next;
	if (f)
		*place = f->next;
	else
		f = make(w, at, o);
	if (!f)
		return NULL;
	f->used_ms = w->loop.now_ms;
	f->next = w->packets->foreign;
	w->packets->foreign = f;
	return f;
}

/* An IPv4 client of a socket of both families. */
static union path_sa plain(const union path_sa *sa, unsigned family)
{
	struct sockaddr_storage wide;
	union path_sa ret = *sa;
	struct addr a;

	if (family == ADDR_V6)
		return ret;
	packet_sa_addr(sa, &a);
	addr_to_sockaddr(&a, &wide);
	memcpy(&ret, &wide, sizeof(ret));
	return ret;
}

void foreign_send(struct worker *w, struct path *p, struct datagram *d)
{
	struct foreign *f;
	struct addr client;

	packet_sa_addr(&p->source, &client);
	if (d->at.family != client.family)
		return; /* cannot be said in the client's family */
	f = find(w, &d->at, &p->inbound->sockopt);
	if (!f)
		return;
	d->sa = plain(&p->source, client.family);
	packet_send(w, f->fd, d, 1);
	tidy(w);
}
