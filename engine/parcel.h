#ifndef XRAT_ENGINE_PARCEL_H
#define XRAT_ENGINE_PARCEL_H
/* Descriptors that go with a reload to an engine which has given up root and may not open these things itself. Each has a name:
 *
 *   file                   the configuration
 *   asset:geosite.dat      a file that rules name
 *   tcp:127.0.0.1:443      a listening socket; one for each worker, under the same name
 *   udp:[::]:53
 *   unix:/run/in.sock
 *
 * On the control socket they travel as SCM_RIGHTS beside the line {"command":"reload","given":[NAME,...]}, in the same order. */
#include "lib/lib.h"

enum { PARCEL_MOST = 253 /* SCM_MAX_FD */ };
struct parcel {
	unsigned n;
	char *names[PARCEL_MOST]; /* heap; NULL: not named yet */
	int fds[PARCEL_MOST];     /* -1: taken out */
};
/* Takes the descriptor in every case. 0, -ENOMEM, -E2BIG. */
int parcel_add(struct parcel *p, const char *kind, const char *name, int fd);
/* The first of that name, which becomes the caller's; -ENOENT. p may be NULL. */
int parcel_take(struct parcel *p, const char *kind, const char *name);
/* Closes what is still inside. */
void parcel_fini(struct parcel *p);
/* Gives the received descriptors their names: 0; -EINVAL when these are not as many strings; -ENOMEM. given NULL: none. */
int parcel_name(struct parcel *p, const struct value *given);
/* recv(2) that puts descriptors into p: bytes, or -1 and errno. More than fit are closed, and do not get names. */
ssize_t parcel_recv(struct parcel *p, int fd, void *bytes, size_t len);
/* Sends the reload: 0 or -errno. */
int parcel_send(const struct parcel *p, int fd);

#endif
