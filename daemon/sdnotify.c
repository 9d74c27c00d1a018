/* What is told through sd_notify(3). */
#include "daemon/sdnotify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/lib.h"


void sdnotify(enum sdnotify what)
{
	static const char *const lines[] = {
		[SDNOTIFY_READY] = "READY=1", [SDNOTIFY_RELOADING] = "RELOADING=1",
		[SDNOTIFY_STOPPING] = "STOPPING=1", [SDNOTIFY_WATCHDOG] = "WATCHDOG=1",
	};
	struct timespec t;
	char text[80];

	clock_gettime(CLOCK_MONOTONIC, &t);
	snprintf(text, sizeof(text), "%s\nMONOTONIC_USEC=%lld\n", lines[what],
		 (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
	sdnotify_send(text);
}

uint64_t sdnotify_watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!usec || (pid && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	return strtoull(usec, NULL, 10) / 2000;
}
