#ifndef XRAT_DAEMON_PORTS_H
#define XRAT_DAEMON_PORTS_H
/* Ports for engines that nobody else shall know of. */

/* A TCP port of 127.0.0.1 that is free. A descriptor that holds it until an engine is to have it, or -errno. */
int ports_hold(unsigned *ret_port);

#endif
