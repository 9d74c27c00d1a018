#ifndef XRAT_LIB_SDNOTIFY_H
#define XRAT_LIB_SDNOTIFY_H
/* sd_notify(3), the sending side. */

/* Lines "NAME=VALUE\n" as one datagram to $NOTIFY_SOCKET; without one, or when it cannot be sent, nothing. */
void sdnotify_send(const char *lines);

#endif
