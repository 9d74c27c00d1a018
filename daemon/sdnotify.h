#ifndef XRAT_DAEMON_SDNOTIFY_H
#define XRAT_DAEMON_SDNOTIFY_H
/* sd_notify(3): tells systemd how the daemon is. Without $NOTIFY_SOCKET nothing happens. */
#include <stdint.h>

enum sdnotify { SDNOTIFY_READY, SDNOTIFY_RELOADING, SDNOTIFY_STOPPING, SDNOTIFY_WATCHDOG };
void sdnotify(enum sdnotify what);
/* How often SDNOTIFY_WATCHDOG is wanted, in milliseconds: half of $WATCHDOG_USEC; 0 = never. */
uint64_t sdnotify_watchdog_ms(void);

#endif
