#ifndef XRAT_ENGINE_TUBE_H
#define XRAT_ENGINE_TUBE_H
/* Pipes for splice(2): bytes of a long transfer go from socket to socket without being copied to this process. A few are kept
 * for the next transfer; how many there can be is limited, and who gets none copies. */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tube {
	struct tube *next; /* of the idle ones */
	int in, out;       /* write here, read there */
	uint32_t held;     /* bytes inside */
	uint32_t room;     /* bytes that fit */
};
struct tubes {
	struct tube *idle;
	uint32_t n_idle, n;
};
struct worker;
/* An empty one, or NULL: there are enough, or no descriptor, memory or pipe of a useful size is left. */
struct tube *tube_get(struct worker *w);
/* Takes it back; closes it when bytes are inside, or enough are idle. t may be NULL. */
void tube_put(struct worker *w, struct tube *t);
void tubes_close(struct worker *w);
/* From a socket into an empty tube: bytes, 0 the end, -errno. */
ssize_t tube_fill(struct tube *t, int from);
/* What is inside out to a socket: 0 all of it, 1 the receiver is full, -errno. */
int tube_drain(struct tube *t, int to);

#endif
