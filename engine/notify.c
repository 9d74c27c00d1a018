/* sd_notify(3), the sending side: one datagram of lines. */
#include "engine/notify.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/lib.h"

enum { WHY_BYTES = 1000 };

static void tell(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (!len || len >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, len);
	if (*path == '@')
		to.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&to,
	       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}

void notify_ready(void)
{
	tell("READY=1\n");
}

void notify_reloading(void)
{
	struct timespec t;
	char text[64];

	clock_gettime(CLOCK_MONOTONIC, &t);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld\n", (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
	tell(text);
}

void notify_refused(int error, const char *why)
{
	char text[WHY_BYTES + 64];
	size_t n = (size_t)snprintf(text, sizeof(text), "READY=1\nERRNO=%d\nSTATUS=", error), end = n + WHY_BYTES;

	for (; *why && n < end; why++)
		text[n++] = *why == '\n' ? ' ' : *why;
	text[n++] = '\n';
	text[n] = 0;
	tell(text);
}

void notify_stopping(void)
{
	tell("STOPPING=1\n");
}
