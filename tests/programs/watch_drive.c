/* link: service lib */
/* The watcher, for tests/watch: watch_drive [-s SETTLE_MS] [-m MAX_MS] [-p POLL_MS,RETRY_MS] [-d PATH]... ROOT [FILE...]
 * One line a callback ("call inputs request"), and one each time a burst has settled, with what is read then:
 * "settled NUMBER CALLS KINDS NAME=FIRST LINE…" (NAME as given, ? for a line feed; "-" when it cannot be read). Lines of standard input are
 * commands: "stats", "dirs PATH…", "stop"; end of input stops too. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "lib/lib.h"
#include "service/settle.h"
#include "service/watcher.h"

enum { PATHS_MAX = 32 };
struct drive {
	uv_loop_t *loop;
	struct watcher *watcher;
	uv_timer_t timer;
	uv_poll_t input;
	struct settle settle;
	unsigned kinds;
	unsigned long calls, settled;
	const char *root, *files[PATHS_MAX], *dirs[PATHS_MAX];
	size_t n_files, n_dirs;
	unsigned poll_ms, retry_ms;
	char line[8192];
	size_t len;
};

static void print_kinds(unsigned kinds)
{
	static const char *const names[] = { "inputs", "request", "live", "root" };
	const char *comma = "";

	for (size_t i = 0; i < 4; i++)
		if (kinds & 1U << i) {
			printf("%s%s", comma, names[i]);
			comma = ",";
		}
}

static void print_file(const struct drive *d, const char *name)
{
	char path[4096], line[256] = "-";
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", *name == '/' ? "" : d->root, name);
	f = fopen(path, "re");
	if (f) {
		if (!fgets(line, sizeof(line), f))
			line[0] = 0;
		fclose(f);
	}
	line[strcspn(line, "\n")] = 0;
	putchar(' ');
	for (; *name; name++)
		putchar(*name == '\n' ? '?' : *name);
	printf("=%s", line);
}

static void on_timer(uv_timer_t *t)
{
	struct drive *d = t->data;

	printf("settled %lu %lu ", ++d->settled, d->calls);
	print_kinds(d->kinds);
	settle_clear(&d->settle);
	d->kinds = 0;
	for (size_t i = 0; i < d->n_files; i++)
		print_file(d, d->files[i]);
	putchar('\n');
	fflush(stdout);
}

static void on_change(void *ctx, unsigned kinds)
{
	struct drive *d = ctx;
	int64_t now = clock_mono_ms();

	d->calls++;
	d->kinds |= kinds;
	printf("call ");
	print_kinds(kinds);
	putchar('\n');
	fflush(stdout);
	settle_note(&d->settle, now);
	uv_timer_start(&d->timer, on_timer, (uint64_t)settle_wait(&d->settle, now), 0);
}

static void print_stats(struct drive *d)
{
	struct watcher_stats s;

	watcher_stats(d->watcher, &s);
	printf("stats calls %lu events %llu ignored %llu rescans %llu overflows %llu %s\n", d->calls,
	       (unsigned long long)s.events, (unsigned long long)s.ignored, (unsigned long long)s.rescans,
	       (unsigned long long)s.overflows, s.polling ? s.why_polling : "watching");
	fflush(stdout);
}

static void set_dirs(struct drive *d, char *words)
{
	const char *dirs[PATHS_MAX];
	size_t n = 0;

	for (char *p = strtok(words, " "); p && n < PATHS_MAX; p = strtok(NULL, " "))
		dirs[n++] = p;
	watcher_set_dirs(d->watcher, dirs, n);
}

static void stop(struct drive *d)
{
	int64_t before = clock_mono_ms();

	uv_poll_stop(&d->input);
	uv_close((uv_handle_t *)&d->input, NULL);
	uv_close((uv_handle_t *)&d->timer, NULL);
	watcher_stop(d->watcher);
	printf("stopped after %d ms\n", (int)(clock_mono_ms() - before));
	fflush(stdout);
}

/* false: it was told to stop. */
static bool obey(struct drive *d, char *line)
{
	if (str_starts(str_of(line), "stop"))
		return false;
	if (str_starts(str_of(line), "dirs"))
		set_dirs(d, line + 4);
	else
		print_stats(d);
	return true;
}

static void on_input(uv_poll_t *p, int status, int events)
{
	struct drive *d = p->data;
	ssize_t n = read(0, d->line + d->len, sizeof(d->line) - 1 - d->len);
	char *end;

	(void)status, (void)events;
	if (n <= 0) {
		stop(d);
		return;
	}
	d->line[d->len += (size_t)n] = 0;
	while ((end = strchr(d->line, '\n'))) {
		*end = 0;
		if (!obey(d, d->line)) {
			stop(d);
			return;
		}
		d->len -= (size_t)(end + 1 - d->line);
		memmove(d->line, end + 1, d->len + 1);
	}
}

static void read_options(struct drive *d, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "s:m:p:d:")) != -1)
		if (c == 's')
			d->settle.settle_ms = (unsigned)atoi(optarg);
		else if (c == 'm')
			d->settle.max_wait_ms = (unsigned)atoi(optarg);
		else if (c == 'p')
			sscanf(optarg, "%u,%u", &d->poll_ms, &d->retry_ms);
		else if (c == 'd' && d->n_dirs < PATHS_MAX)
			d->dirs[d->n_dirs++] = optarg;
		else
			exit(2);
	if (optind == argc)
		exit(2);
	d->root = argv[optind++];
	while (optind < argc && d->n_files < PATHS_MAX)
		d->files[d->n_files++] = argv[optind++];
}

int main(int argc, char **argv)
{
	struct drive d = { .loop = uv_default_loop(), .settle = { .settle_ms = 200, .max_wait_ms = 2000 } };
	struct err e = { 0 };

	read_options(&d, argc, argv);
	settle_clear(&d.settle);
	d.timer.data = d.input.data = &d;
	uv_timer_init(d.loop, &d.timer);
	uv_poll_init(d.loop, &d.input, 0);
	if (watcher_start(&d.watcher, d.loop, d.root, on_change, &d, &e)) {
		fprintf(stderr, "watch_drive: %s\n", err_text(&e));
		return 1;
	}
	if (d.poll_ms)
		watcher_pace(d.watcher, d.poll_ms, d.retry_ms);
	if (d.n_dirs)
		watcher_set_dirs(d.watcher, d.dirs, d.n_dirs);
	uv_poll_start(&d.input, UV_READABLE, on_input);
	puts("ready");
	fflush(stdout);
	uv_run(d.loop, UV_RUN_DEFAULT);
	uv_loop_close(d.loop);
	return 0;
}
