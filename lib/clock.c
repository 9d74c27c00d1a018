/* Clocks and random names. */
#include "lib/clock.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

int64_t clock_mono_ms(void)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void clock_text(char ret_text[CLOCK_TEXT])
{
	clock_text_in(0, ret_text);
}

void clock_text_in(int64_t ms, char ret_text[CLOCK_TEXT])
{
	struct timespec t = { 0 };
	struct tm tm = { 0 };

	clock_gettime(CLOCK_REALTIME, &t);
	ms += t.tv_nsec / 1000000;
	t.tv_sec += ms / 1000;
	t.tv_nsec = ms % 1000 * 1000000;
	if (t.tv_nsec < 0) {
		t.tv_sec--;
		t.tv_nsec += 1000000000;
	}
	gmtime_r(&t.tv_sec, &tm);
	/* The remainders only tell the compiler how many digits there can be. */
	snprintf(ret_text, CLOCK_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", ((unsigned)tm.tm_year + 1900) % 10000,
		 ((unsigned)tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100,
		 (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100, (unsigned)(t.tv_nsec / 1000000) % 1000);
}

static int fill_random(unsigned char *p, size_t len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = getrandom(p + have, len - have, 0);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			have += (size_t)n;
	}
	return 0;
}

int uuid_make(char ret_text[UUID_TEXT])
{
	unsigned char b[16];
	int r = fill_random(b, sizeof(b));

	if (r)
		return r;
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* version 4 */
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80); /* the variant of RFC 9562 */
	snprintf(ret_text, UUID_TEXT, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		 b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
	return 0;
}
