/* Settling: the end of a burst is the earlier of "quiet since the last change" and "long enough since the first". */
#include "service/settle.h"

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

void settle_note(struct settle *s, int64_t now_ms)
{
	if (s->first_ms < 0)
		s->first_ms = s->last_ms = later(now_ms, 0);
	s->last_ms = later(s->last_ms, now_ms);
}

int64_t settle_wait(const struct settle *s, int64_t now_ms)
{
	int64_t quiet = s->last_ms + s->settle_ms, longest = s->first_ms + s->max_wait_ms;
	int64_t due = quiet < longest ? quiet : longest;

	if (s->first_ms < 0)
		return -1;
	return later(due - later(now_ms, s->last_ms), 0);
}

void settle_clear(struct settle *s)
{
	s->first_ms = s->last_ms = -1;
}
