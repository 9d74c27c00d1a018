/* What is told through sd_notify(3). */
#include "engine/notify.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/lib.h"

enum { WHY_BYTES = 1000 };

void notify_ready(void)
{
	sdnotify_send("READY=1\n");
}

void notify_reloading(void)
{
	struct timespec t;
	char text[64];

	clock_gettime(CLOCK_MONOTONIC, &t);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld\n", (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
	sdnotify_send(text);
}

void notify_refused(int error, const char *why)
{
	char text[WHY_BYTES + 64];
	size_t n = (size_t)snprintf(text, sizeof(text), "READY=1\nERRNO=%d\nSTATUS=", error), end = n + WHY_BYTES;

	for (; *why && n < end; why++)
		text[n++] = *why == '\n' ? ' ' : *why;
	text[n++] = '\n';
	text[n] = 0;
	sdnotify_send(text);
}

void notify_stopping(void)
{
	sdnotify_send("STOPPING=1\n");
}
