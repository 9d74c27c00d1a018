/* The directories that are watched, and what an event in one of them stands for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service/watch_impl.h"

enum {
	MOVES = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO,
	STEP_MASK = MOVES | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF,
	FULL_MASK = STEP_MASK | IN_MODIFY | IN_CLOSE_WRITE,
};

static void free_words(struct watch_dir *d)
{
	struct watch_word *next;

	for (; d->words; d->words = next) {
		next = d->words->next;
		free(d->words);
	}
}

static void remove_at(struct watch_set *s, struct watch_dir **at)
{
	struct watch_dir *d = *at;

	*at = d->next;
	free_words(d);
	free(d);
	s->n--;
}

void watch_set_clear(struct watch_set *s)
{
	while (s->dirs)
		remove_at(s, &s->dirs);
	s->lost = s->stale = s->blind = 0;
}

void watch_set_begin(struct watch_set *s)
{
	for (struct watch_dir *d = s->dirs; d; d = d->next) {
		free_words(d);
		d->wanted = d->fresh = d->top = false;
		d->content = d->through = 0;
	}
}

void watch_set_end(struct watch_set *s)
{
	struct watch_dir **at = &s->dirs;

	s->blind = s->stale = 0;
	while (*at) {
		if (!(*at)->wanted && (*at)->wd < 0) {
			remove_at(s, at);
			continue;
		}
		s->blind += (*at)->wd < 0;
		s->stale += !(*at)->wanted;
		at = &(*at)->next;
	}
}

bool watch_set_is_worn(const struct watch_set *s)
{
	return s->lost + s->stale > WATCH_LOST_MAX;
}

static struct watch_dir *find_or_add(struct watch_set *s, const struct stat *st)
{
	struct watch_dir *d;

	for (d = s->dirs; d; d = d->next)
		if (d->ino == st->st_ino && d->dev == st->st_dev)
			return d;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	*d = (struct watch_dir){ .next = s->dirs, .dev = st->st_dev, .ino = st->st_ino, .wd = -1 };
	s->dirs = d;
	s->n++;
	return d;
}

static int watch_it(struct watch_set *s, struct watch_dir *d, int fd, bool full)
{
	int r;

	if (d->wd >= 0)
		watch_lib_drop(s->lib, d->wd);
	d->wd = -1;
	r = watch_lib_add(s->lib, fd, full ? FULL_MASK : STEP_MASK, &d->wd);
	if (r == -EACCES || r == -EPERM || r == -ENOENT) /* blind there, and only there; ENOENT: deleted just now */
		return 0;
	if (r)
		return r;
	d->full = full;
	d->fresh = true;
	return 0;
}

int watch_set_see(struct watch_set *s, int fd, const struct stat *st, bool full, unsigned kinds,
		  struct watch_dir **ret_dir)
{
	struct watch_dir *d = find_or_add(s, st);
	int r = 0;

	if (!d)
		return -ENOMEM;
	if (s->n > WATCH_DIRS_MAX + WATCH_LOST_MAX)
		return -E2BIG;
	d->wanted = true;
	d->through |= kinds;
	if (s->lib && (d->wd < 0 || (full && !d->full)))
		r = watch_it(s, d, fd, full);
	*ret_dir = d;
	return r;
}

int watch_set_word(struct watch_dir *d, const char *name, unsigned kinds)
{
	size_t size = strlen(name) + 1;
	struct watch_word *w;

	for (w = d->words; w; w = w->next)
		if (str_is(str_of(w->text), name)) {
			w->kinds |= kinds;
			return 0;
		}
	w = malloc(sizeof(*w) + size);
	if (!w)
		return -ENOMEM;
	w->next = d->words;
	w->kinds = kinds;
	memcpy(w->text, name, size);
	d->words = w;
	return 0;
}

static unsigned word_kinds(const struct watch_dir *d, const char *name)
{
	for (const struct watch_word *w = d->words; w; w = w->next)
		if (str_is(str_of(w->text), name))
			return w->kinds;
	return 0;
}

/* The kernel has ended the watch. */
static void forget(struct watch_set *s, struct watch_dir *gone)
{
	struct watch_dir **at = &s->dirs;

	while (*at != gone)
		at = &(*at)->next;
	s->lost++;
	remove_at(s, at);
}

static unsigned of_directory(struct watch_set *s, struct watch_dir *d, uint32_t mask, bool *ret_look)
{
	unsigned kinds = d->wanted ? d->through : 0;

	*ret_look = kinds && mask & ~(uint32_t)(IN_ATTRIB | IN_ISDIR);
	if (mask & IN_IGNORED)
		forget(s, d);
	return *ret_look ? kinds : kinds & ~(unsigned)WATCH_ROOT;
}

unsigned watch_set_event(struct watch_set *s, const struct inotify_event *ev, bool *ret_look)
{
	struct watch_dir *d = s->dirs;
	bool moved = ev->mask & MOVES;
	unsigned kinds;

	*ret_look = false;
	while (d && d->wd != ev->wd)
		d = d->next;
	if (!d)
		return 0;
	if (!ev->len)
		return of_directory(s, d, ev->mask, ret_look);
	if (!d->wanted)
		return 0;
	kinds = word_kinds(d, ev->name);
	if (d->content && !watch_name_is_temp(ev->name) && !(d->top && watch_name_is_ours(ev->name)))
		kinds |= d->content;
	if (!moved)
		kinds &= ~(unsigned)WATCH_ROOT; /* it is still there */
	*ret_look = kinds && (moved || ev->mask & IN_ATTRIB);
	return kinds;
}
