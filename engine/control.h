#ifndef XRAT_ENGINE_CONTROL_H
#define XRAT_ENGINE_CONTROL_H
/* The control socket: a Unix socket, mode 0600 from its birth, that takes a JSON line and answers with one:
 *
 *   {"command": "stats"}    {"ok":true,"result":{"generation":1,"uptime_ms":…,"workers":2,"flows":…,"counters":{"NAME":…}}}
 *   {"command": "status"}   {"ok":true,"result":{"state":"running",…,"listeners":[{"inbound":"socks-in","address":"127.0.0.1:1080","network":"tcp"}]}}
 *   {"command": "reload"}   {"ok":true,"result":{"generation":2}}, or {"ok":false,"error":"why"} and the old configuration stays
 *
 * A reload may bring descriptors of what the engine may not open itself: "given" names them (parcel.h).
 * Only the same user and root are answered (SO_PEERCRED). Served by the engine's own thread, which waits for no client: at most
 * 8 of them, lines of at most 64 KiB, 5 s from one line to the next. */
#include <poll.h>

#include "lib/lib.h"

enum { CONTROL_CLIENTS = 8, CONTROL_FDS = CONTROL_CLIENTS + 1, CONTROL_LINE_MAX = 64 * 1024, CONTROL_IDLE_MS = 5000 };
struct engine;
struct control;
/* Without a path in the options: 0 and nothing. */
int control_open(struct engine *en, struct err *e);
/* What to wait for: fills fds, returns how many (at most CONTROL_FDS), and lowers the timeout (-1 = none) to when a client's
 * time is over. control may be NULL. */
unsigned control_poll(struct control *c, struct pollfd *fds, int *timeout_ms);
void control_serve(struct control *c, const struct pollfd *fds, unsigned n);
void control_close(struct control *c);

#endif
