#ifndef XRAT_STORE_H
#define XRAT_STORE_H
/* The database of nodes, subscriptions, tests, sessions and events (SQLite). Only this folder knows SQL.
 *
 * Times are Unix milliseconds and always the caller's; 0 = never. Ids are positive and never given away twice. A node or a
 * subscription also has a ref of 12 hexadecimal digits. Texts that are not there are NULL, unless a field says "".
 *
 * Every function returns 0, a positive outcome named with it, or a negative code with *e set (e may be NULL):
 *   -EBUSY      another process holds the database longer than busy_ms
 *   -EUCLEAN    damaged; nothing more is written to it
 *   -EPROTO     made by a newer xrat
 *   -ENOTUNIQ   the file is a database, but none of xrat's
 *   -ELOOP      a symbolic link stands where the database, one of its files or its directory should be
 *   -EPERM      the directory or the file belongs to somebody else or may be written by everybody
 *   -ENOSPC -EROFS -EIO -ENOMEM -EINVAL and what open(2) returns
 * After any of them the database is as before the call and the store can go on being used (or be closed).
 *
 * Memory: what is returned in an arena is copied there after SQLite's part is over, so a jump out of the arena
 * (arena_on_oom) leaves nothing open behind it. A cursor that was jumped over is closed by store_close at the latest.
 * One thread at a time may use a store; a process may open a database more than once. */
#include "store/base.h"
#include "store/events.h"
#include "store/nodes.h"
#include "store/rotation.h"
#include "store/sessions.h"
#include "store/subs.h"
#include "store/tests.h"
#endif
