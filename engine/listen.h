#ifndef XRAT_ENGINE_LISTEN_H
#define XRAT_ENGINE_LISTEN_H
/* Where the engine listens. An address is a door: the engine's own thread opens its sockets (one for each worker; a Unix
 * socket is shared by all), so a configuration that cannot have one of its ports is refused as a whole, before any worker
 * has heard of it. Doors that a reload leaves as they are stay open, with the connections that wait there.
 *
 * The first socket of a door is bound without SO_REUSEPORT, which would let a second engine in beside the first. */
#include "engine/engine_impl.h"

struct listener;
struct parcel;
struct door_part {
	int fd;
	struct listener *listener; /* the worker's; NULL: it does not listen there */
};
struct door {
	struct door *next;
	struct addr at;          /* family 0: path */
	const char *path;        /* heap; NULL */
	bool udp, is_new;        /* is_new: not committed yet */
	bool is_stub;            /* another process has it; n is 0 */
	struct sockopt sockopt;  /* strings belong to the configuration */
	const struct inbound *inbound; /* of the newest configuration; NULL: nobody wants it any more */
	const struct inbound *wanted;  /* of the one that is being tried */
	unsigned n;
	struct door_part parts[];
};

/* --- the engine's thread, while no worker is between listen_enter's begin and end --- */
/* Opens what c needs and is not open yet. 0; or -errno, and then nothing has changed. */
int listen_prepare(struct engine *en, const struct conf *c, struct err *e);
void listen_cancel(struct engine *en); /* closes what that opened */
void listen_commit(struct engine *en); /* from here on the workers may see it */
void listen_sweep(struct engine *en);  /* closes doors that nobody wants; the workers have left them */
void listen_close(struct engine *en);  /* all of them */
int listen_fds(const struct engine *en); /* how many descriptors they are */
/* For who packs a parcel: a place where the engine listens already ("tcp", "udp", "unix"; text as listen_text has it); and what
 * listen_prepare has opened beside those goes into p. 0 or -errno. */
int listen_stub(struct engine *en, struct str network, struct str text);
int listen_pack(struct engine *en, struct parcel *p);
const char *listen_network(const struct door *d);
/* "127.0.0.1:1080", "/run/x.sock". */
const char *listen_text(const struct door *d, char ret_text[ADDR_TEXT]);

/* --- a worker's thread --- */
/* Watches its part of every door that is wanted, and no other. 0, or -errno of the first that it could not watch. */
int listen_enter(struct worker *w);
void listen_leave(struct worker *w);

#endif
