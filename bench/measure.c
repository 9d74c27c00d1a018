/* measure RUNS FILE: runs each line of FILE ("name<TAB>command…", words split at blanks, no shell) RUNS times, in turn
 * (a, b, c, a, b, c, …), so that whatever else the machine does hits all alike. Each counted run comes right behind an
 * uncounted one of the same command: on a virtual machine whose host takes idle memory back, the first process that
 * needs a lot of it would pay for all that come behind it (seen: 220 ms against 120 ms for the same compile). stdout of
 * the commands goes to /dev/null. Prints a row a command: name, exit code, median, smallest and largest wall time in
 * ms, peak memory in KiB. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_COMMANDS = 64, MAX_WORDS = 32 };
struct command {
	char *name, *words[MAX_WORDS];
	double *ms;
	long peak_kib;
	int code;
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int command_read(struct command *c, char *line, int runs)
{
	char *save = NULL, *rest;
	int n = 0;

	c->name = strdup(strtok_r(line, "\t", &save));
	rest = strtok_r(NULL, "\n", &save);
	if (!c->name || !rest)
		return -EINVAL;
	rest = strdup(rest);
	save = NULL;
	for (char *w = strtok_r(rest, " ", &save); w && n + 1 < MAX_WORDS; w = strtok_r(NULL, " ", &save))
		c->words[n++] = w;
	c->words[n] = NULL;
	c->ms = calloc((size_t)runs, sizeof(*c->ms));
	return n && c->ms ? 0 : -EINVAL;
}

/* vfork and exec by posix_spawn: the time of our own address space does not count. */
static void command_run(struct command *c, int run, posix_spawn_file_actions_t *quiet, char **env)
{
	struct rusage use;
	double begin = now_ms();
	int status;
	pid_t pid;

	if (posix_spawnp(&pid, c->words[0], quiet, NULL, c->words, env)) {
		c->code = 127;
		return;
	}
	while (wait4(pid, &status, 0, &use) < 0 && errno == EINTR)
		;
	c->ms[run] = now_ms() - begin;
	c->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (use.ru_maxrss > c->peak_kib)
		c->peak_kib = use.ru_maxrss;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv, char **env)
{
	static struct command commands[MAX_COMMANDS];
	int runs = argc > 2 ? atoi(argv[1]) : 0, n = 0;
	FILE *f = argc > 2 ? fopen(argv[2], "r") : NULL;
	posix_spawn_file_actions_t quiet;
	char line[8192];

	if (!f || runs < 1)
		return 2;
	while (n < MAX_COMMANDS && fgets(line, sizeof(line), f))
		if (*line != '\n' && command_read(&commands[n++], line, runs))
			return 2;
	fclose(f);
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
	for (int run = 0; run < runs; run++)
		for (int i = 0; i < n; i++)
			for (int counted = 0; counted < 2; counted++)
				command_run(&commands[i], run, &quiet, env);
	for (int i = 0; i < n; i++) {
		qsort(commands[i].ms, (size_t)runs, sizeof(double), compare);
		printf("%s %d %.2f %.2f %.2f %ld\n", commands[i].name, commands[i].code, commands[i].ms[runs / 2],
			commands[i].ms[0], commands[i].ms[runs - 1], commands[i].peak_kib);
	}
	return 0;
}
