#ifndef XRAT_ENGINE_PACKET_IMPL_H
#define XRAT_ENGINE_PACKET_IMPL_H
/* A path: what one client address sends by UDP, and what comes back to it.
 *
 *   client -> packet_listen.c, packet_associate.c -> packet.c (which path) -> packet_route.c (the first datagrams: sniffing, rules)
 *          -> packet_out.c, packet_socks.c, out_dns.c -> server
 *   and back through path_reply, which says where a datagram came from as the client knows that place (packet_peer.c)
 *
 * A path that is used directly costs this struct and a socket; what is waiting for something, names and changed targets cost more
 * while they last. */
#include <netinet/in.h>
#include <sys/socket.h>

#include "engine/packet.h"
#include "engine/resolve.h"
#include "engine/socks.h"

enum {
	PACKET_BATCH = 32, PACKET_HEADROOM = 320 /* for a SOCKS header */, PACKET_MAX = 65535,
	PATHS_MAX = 16384, PATH_BUCKETS = 8192, PATH_IDLE_MS = 120 * 1000, PATH_DIAL_MS = 16 * 1000, PATH_AGAIN_MS = 1000,
	QUEUE_MAX = 64, QUEUE_BYTES = 256 * 1024, PEERS_MAX = 16,
};

union path_sa {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};
struct datagram {
	char *p;             /* with PACKET_HEADROOM before it */
	uint32_t len;
	struct addr at;      /* on the way up where to, on the way down where from */
	union path_sa sa;    /* the other end of the socket it was read from */
	struct addr local;   /* of a listener: where it was sent to */
};
struct queued {
	struct queued *next;
	uint32_t len;
	struct addr at;
	char room[PACKET_HEADROOM];
	char bytes[];
};
struct queue {
	struct queued *first, **last;
	uint32_t n, bytes;
};

/* A target that is not sent to under the address that the client wrote: a name, a fake address, a redirect. */
struct peer {
	struct peer *next;
	struct path *path;
	struct addr asked;   /* by the client */
	struct addr to;      /* what it stands for */
	union path_sa sa;    /* that as an address; family 0: not known (yet) */
	struct query *query;
	struct queue waiting;
};

struct path;
/* How replies get to the client: at is where they come from. */
struct path_in {
	void (*reply)(struct worker *w, struct path *p, struct datagram *d, unsigned n);
	void (*closed)(struct worker *w, struct path *p); /* NULL: nobody has to know */
	const char *(*tag)(const struct path *p); /* for the rules; NULL: the inbound's */
	bool closed_when_deaf;
};
struct path_out {
	/* Ends in path_ready, path_deaf or path_close. */
	void (*start)(struct worker *w, struct path *p);
	void (*send)(struct worker *w, struct path *p, struct datagram *d, unsigned n);
	void (*stop)(struct worker *w, struct path *p); /* frees state; NULL: there is none */
	/* Datagrams of the path's socket; NULL: they are for the client as they are. */
	void (*received)(struct worker *w, struct path *p, struct datagram *d, unsigned n);
};
extern const struct path_out path_out_freedom, path_out_socks, path_out_dns;

struct path_setup {
	struct addr asked, target, route_name; /* of the first datagram; target may be sniffed */
	const char *protocol, *inbound_tag, *rule_tag;
	struct sniff_quic *quic;
	unsigned sniff_mask;
	bool in_pool, faked, changed; /* changed: sniffing has put another target in its place */
	uint8_t loops;
	struct query *query;
	uint32_t n_ips;
	struct route_ip ips[FLOW_IPS];
	struct queue waiting;
};

enum path_stage { PATH_NEW, PATH_ROUTE, PATH_DIAL, PATH_UP, PATH_DEAF, PATH_DEAD };
struct path {
	struct retired retired; /* first */
	struct io up;           /* towards the server */
	struct timer timer;
	struct path *chain, **chain_at, *newer, *older;
	struct conf *conf;      /* held */
	const struct inbound *inbound;
	const struct outbound *outbound;
	const struct login *user;
	const struct path_in *in;
	const struct path_out *out;
	struct association *association; /* SOCKS; else NULL */
	void *in_ctx;           /* of path_in */
	void *state;            /* the outbound's */
	struct peer *peers;
	struct path_setup *setup; /* until it is routed and ready */
	struct counter *count_up[3], *count_down[3];
	int64_t last_ms;
	uint64_t id;
	uint32_t idle_ms;
	int fd;                 /* of the listener; -1 */
	union path_sa source;
	uint8_t stage;
	bool up_is_v6;
	uint16_t local_port;    /* where the client sent its first datagram to */
	struct route_ip local;
};

struct foreign;
struct packet_worker {
	struct slab paths, associations;
	uint32_t n_paths, max_paths; /* then the least recently used goes */
	struct path *newest, *oldest;
	char *memory;           /* of the batch: mapped, so that what is never used is never there */
	struct datagram batch[PACKET_BATCH];
	struct mmsghdr msgs[PACKET_BATCH];
	struct iovec iov[PACKET_BATCH];
	char control[PACKET_BATCH][128];
	struct foreign *foreign;
	struct dns_conn *dns_conns; /* out_dns_tcp.c */
	struct path *buckets[PATH_BUCKETS];
};

/* --- packet_associate.c --- */
void packet_init_associations(struct packet_worker *k);

/* --- packet.c --- */
socklen_t packet_sa_len(const union path_sa *sa);
bool packet_same_sa(const union path_sa *a, const union path_sa *b);
void packet_sa_addr(const union path_sa *sa, struct addr *ret);
/* Reads a batch into w->packets->batch: p, len, sa; control data stay in msgs. How many. */
unsigned packet_recv(struct worker *w, int fd, bool with_control);
/* Sends each to its sa (sa.family 0: to where the socket is connected). What does not fit is lost, as on any wire. */
void packet_send(struct worker *w, int fd, struct datagram *d, unsigned n);
void packet_send_from(struct worker *w, int fd, struct datagram *d, unsigned n, void *control, size_t control_len);

struct path *path_find(struct worker *w, int fd, const union path_sa *source);
/* A new path: the caller sets association or fd (then it is found by path_find). NULL: no memory. */
struct path *path_new(struct worker *w, struct conf *c, const struct inbound *in, const struct path_in *ops, int fd,
		      const union path_sa *source);
void path_close(struct worker *w, struct path *p);
/* From the client; at is the target. */
void path_take(struct worker *w, struct path *p, struct datagram *d, unsigned n);
/* To the client. It came from sa; at_known: from at, by the word of a proxy. */
void path_reply(struct worker *w, struct path *p, struct datagram *d, unsigned n, bool at_known);
void path_log(struct worker *w, const struct path *p, const char *verdict, const char *reason);

bool queue_add(struct queue *q, const struct datagram *d);
struct queued *queue_take(struct queue *q);
void queue_free(struct queue *q);

/* --- packet_route.c --- */
void path_begin(struct worker *w, struct path *p, struct datagram *d);
void path_route(struct worker *w, struct path *p);
/* The outbound can be sent to: what has waited goes out, and the set-up is over. */
void path_ready(struct worker *w, struct path *p);
/* Nothing gets through for a while. */
void path_deaf(struct worker *w, struct path *p, uint32_t ms, const char *verdict, const char *why);
void path_free_setup(struct path_setup *s, struct worker *w);

/* --- packet_peer.c --- */
/* Where a datagram has to go: d->at becomes that, *ret_peer says whether it is another place than the client wrote. False: nowhere. */
bool path_aim(struct worker *w, struct path *p, struct datagram *d, struct peer **ret_peer);
/* The client's target stands for another one (which the outbound may redirect). */
void peer_redirected(struct worker *w, struct path *p, const struct addr *asked, const struct addr *to);
/* The address that the client knows the sender of a datagram by, for the one it has. */
void peer_origin(const struct path *p, struct addr *at);
void peer_free_all(struct worker *w, struct path *p);

/* --- out_dns_tcp.c --- */
void dns_close_all(struct worker *w);

/* --- packet_tproxy.c --- */
void foreign_send(struct worker *w, struct path *p, struct datagram *d);
void foreign_close_all(struct worker *w);

#endif
