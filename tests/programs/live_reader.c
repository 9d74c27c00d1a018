/* link: lib */
/* A reader of a file that is being replaced:  live_reader FILE ALLOWED...
 * Opens and reads FILE in a tight loop until SIGTERM. An open that fails is a gap; bytes that are none of the ALLOWED
 * files' are a torn read. Prints "N opens, N gaps, N torn, N changes" and ends with 1 when there was a gap or a torn
 * read, with the first of each said. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_ALLOWED = 8, MAX_BYTES = 1 << 20 };

struct content {
	char *bytes;
	size_t len;
};

struct counts {
	unsigned long opens, gaps, torn, changes;
	int first_gap; /* errno */
	size_t first_torn;
};

/* The whole file: 0, or the errno that stood in the way. */
static int read_whole(const char *path, struct content *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), code = 0;
	ssize_t n = 1;

	if (fd < 0)
		return errno;
	for (ret->len = 0; n > 0 && ret->len < MAX_BYTES; ret->len += n > 0 ? (size_t)n : 0) {
		n = read(fd, ret->bytes + ret->len, MAX_BYTES - ret->len);
		if (n < 0)
			code = errno;
	}
	close(fd);
	return code;
}

/* Which of the allowed ones it is; -1: none. */
static int which(const struct content *seen, const struct content *allowed, int n)
{
	for (int i = 0; i < n; i++)
		if (seen->len == allowed[i].len && !memcmp(seen->bytes, allowed[i].bytes, seen->len))
			return i;
	return -1;
}

static void look(const char *path, struct content *seen, const struct content *allowed, int n, int *last,
		 struct counts *c)
{
	int code = read_whole(path, seen), found;

	c->opens++;
	if (code) {
		if (!c->gaps++)
			c->first_gap = code;
		return;
	}
	found = which(seen, allowed, n);
	if (found < 0 && !c->torn++)
		c->first_torn = seen->len;
	if (found != *last)
		c->changes++;
	*last = found;
}

static bool told_to_stop(const sigset_t *set)
{
	return sigtimedwait(set, NULL, &(struct timespec){ 0 }) == SIGTERM;
}

static int load(const char *path, struct content *ret)
{
	int code;

	ret->bytes = malloc(MAX_BYTES);
	code = ret->bytes ? read_whole(path, ret) : ENOMEM;
	if (code)
		fprintf(stderr, "%s: %s\n", path, strerror(code));
	return code;
}

int main(int argc, char **argv)
{
	struct content allowed[MAX_ALLOWED], seen = { malloc(MAX_BYTES), 0 };
	struct counts c = { 0 };
	int n = argc - 2, last = 0;
	sigset_t set;

	if (n < 1 || n > MAX_ALLOWED || !seen.bytes)
		return 2;
	for (int i = 0; i < n; i++)
		if (load(argv[i + 2], &allowed[i]))
			return 2;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	do
		look(argv[1], &seen, allowed, n, &last, &c);
	while (c.opens % 64 || !told_to_stop(&set));
	printf("%lu opens, %lu gaps, %lu torn, %lu changes\n", c.opens, c.gaps, c.torn, c.changes);
	if (c.gaps)
		printf("first gap: %s\n", strerror(c.first_gap));
	if (c.torn)
		printf("first torn read: %zu bytes\n", c.first_torn);
	return c.gaps || c.torn;
}
