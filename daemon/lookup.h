#ifndef XRAT_DAEMON_LOOKUP_H
#define XRAT_DAEMON_LOOKUP_H
/* The addresses of a name, with a limit of the caller's own: getaddrinfo cannot be stopped, so it runs in a thread that is
 * left behind when nobody waits for it any more. For workers. */
#include <netdb.h>
#include <stdbool.h>

struct lookup;
/* Begins; an address ("[::1]" as well) is found at once and needs no thread. 0; -ENOMEM; -errno. */
int lookup_begin(const char *host, unsigned port, struct lookup **ret_lookup);
/* Readable once it is done. */
int lookup_fd(const struct lookup *l);
bool lookup_is_done(const struct lookup *l);
/* Done: what getaddrinfo returned; 0: *ret_found, first the best, until lookup_drop. */
int lookup_result(const struct lookup *l, const struct addrinfo **ret_found);
void lookup_drop(struct lookup *l); /* NULL is fine */
/* Whether it is an address, which needs nobody to be asked. */
bool lookup_is_numeric(const char *host);

#endif
