#ifndef XRAT_ENGINE_SOCK_H
#define XRAT_ENGINE_SOCK_H
/* Sockets with the options of a configuration. All are non-blocking and close-on-exec. */
#include "engine/conf.h"

/* A TCP socket to connect with, bound to send_through when that has the family. The descriptor or -errno. */
int sock_tcp(unsigned family, const struct sockopt *o, const struct route_ip *send_through);
/* SOCK_FIRST: nobody else may have the port yet, but SOCK_MORE of ours may follow (SO_REUSEPORT). */
enum sock_share { SOCK_ALONE, SOCK_FIRST, SOCK_MORE };
/* A listening TCP socket; backlog 4096. */
int sock_listen(const struct addr *at, const struct sockopt *o, enum sock_share share);
/* A UDP socket, bound to `at` (family alone: any port). transparent: replies with foreign addresses. */
int sock_udp(const struct addr *at, const struct sockopt *o, enum sock_share share);
/* A UDP socket that sends with an address which is not of this machine; others may have the same. */
int sock_udp_foreign(const struct addr *at, const struct sockopt *o);
/* A listening Unix socket; "@name" is abstract. An old socket file nobody listens on is replaced. */
int sock_unix(const char *path, unsigned mode);
/* Whether the file is a socket that nobody listens on. */
bool sock_is_dead(const char *path);

/* Sends all of a few bytes: 0, or -errno (-EAGAIN when the socket takes no more). */
int sock_send(int fd, const void *p, size_t len);

/* What a domain strategy says about addresses. */
unsigned sock_first_family(enum domain_strategy s);
bool sock_wants(enum domain_strategy s, unsigned family);

#endif
