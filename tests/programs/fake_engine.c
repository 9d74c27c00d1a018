/* link: runtime model lib */
/* An engine that misbehaves on request, for the tests of the supervisor. It is called like a real one (run -c FILE, or
 * -config FILE, with -test to check) and listens where the file says. What it does besides stands, one thing a line or
 * string, in EXE.behave when there is such a file, else in the array "fake" of the configuration and, since a compiled
 * one cannot have that, in the tags of outbounds: "fake: die-after 300":
 *
 *   say TEXT            to stderr, at once              check refuse TEXT   its checker refuses
 *   env                 environment to stdout           exit CODE           at once
 *   never-bind          no listener                     bind-after MS       listener later
 *   check hang          its checker never ends
 *   port N              another port than the file's    die-after MS        exit code 3 then
 *   ignore-term         SIGTERM does nothing            spam BYTES          to stderr, then goes on
 *   background          forks, the parent exits 0       daemonise           the same with a session of its own
 *   helper              leaves a child behind           helper-stubborn     one that ignores SIGTERM
 *   reload ok|silent|refuse TEXT                        answer to SIGHUP (sd_notify)
 *   exec EXE            becomes another program first (same arguments) */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "runtime/probe.h"

extern char **environ;

struct fake {
	const char *file;
	bool test;
	struct arena *a;
	struct probe probe;
	int listener, signals;
	int64_t bind_at, die_at;
	bool ignore_term;
	const char *reload, *refuse, *becomes;
	int exit_code; /* -1 = stays */
};

static void do_say(struct fake *f, const char *arg)
{
	(void)f;
	fprintf(stderr, "%s\n", arg);
}

static void do_env(struct fake *f, const char *arg)
{
	(void)f;
	(void)arg;
	for (char **e = environ; *e; e++)
		puts(*e);
	fflush(stdout);
}

static void do_check(struct fake *f, const char *arg)
{
	f->refuse = arg;
}

static void do_check_hang(struct fake *f, const char *arg)
{
	(void)f;
	(void)arg;
	for (;;)
		pause();
}

static void do_exit(struct fake *f, const char *arg)
{
	f->exit_code = atoi(arg);
}

static void do_never(struct fake *f, const char *arg)
{
	(void)arg;
	f->bind_at = INT64_MAX;
}

static void do_bind_after(struct fake *f, const char *arg)
{
	f->bind_at = clock_mono_ms() + atoi(arg);
}

static void do_die_after(struct fake *f, const char *arg)
{
	f->die_at = clock_mono_ms() + atoi(arg);
}

static void do_port(struct fake *f, const char *arg)
{
	f->probe.port = (unsigned)atoi(arg);
}

static void do_ignore(struct fake *f, const char *arg)
{
	(void)arg;
	f->ignore_term = true;
}

static void do_spam(struct fake *f, const char *arg)
{
	static const char line[] = "this line is written again and again, as a broken engine would do it in a loop 0123456789\n";
	long long left = atoll(arg);

	(void)f;
	for (; left > 0; left -= (long long)sizeof(line) - 1)
		if (write(STDERR_FILENO, line, sizeof(line) - 1) < 0)
			return;
}

static void go_background(bool own_session)
{
	if (fork())
		_exit(0);
	if (own_session)
		setsid();
}

static void do_background(struct fake *f, const char *arg)
{
	(void)f;
	(void)arg;
	go_background(false);
}

static void do_daemonise(struct fake *f, const char *arg)
{
	(void)f;
	(void)arg;
	go_background(true);
}

static void helper(bool stubborn)
{
	if (fork())
		return;
	signal(SIGTERM, stubborn ? SIG_IGN : SIG_DFL);
	for (;;)
		pause();
}

static void do_helper(struct fake *f, const char *arg)
{
	(void)f;
	(void)arg;
	helper(false);
}

static void do_stubborn(struct fake *f, const char *arg)
{
	(void)f;
	(void)arg;
	helper(true);
}

static void do_reload(struct fake *f, const char *arg)
{
	f->reload = arg;
}

static void do_exec(struct fake *f, const char *arg)
{
	f->becomes = arg;
}

static const struct {
	const char *word;
	void (*run)(struct fake *f, const char *arg);
	bool in_test;
} words[] = {
	{ "say", do_say, false }, { "env", do_env, false }, { "check refuse", do_check, true },
	{ "check hang", do_check_hang, true }, { "exit", do_exit, false },
	{ "never-bind", do_never, false }, { "bind-after", do_bind_after, false }, { "port", do_port, false },
	{ "die-after", do_die_after, false }, { "ignore-term", do_ignore, false }, { "spam", do_spam, false },
	{ "background", do_background, false }, { "daemonise", do_daemonise, false }, { "helper", do_helper, false },
	{ "helper-stubborn", do_stubborn, false }, { "reload", do_reload, false }, { "exec", do_exec, false },
};

static void obey(struct fake *f, struct str line)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i].word);

		if (!str_starts(line, words[i].word) || (line.len > n && line.p[n] != ' ') || (f->test && !words[i].in_test))
			continue;
		words[i].run(f, arena_memdup(f->a, line.p + (line.len > n ? n + 1 : n), line.len > n ? line.len - n - 1 : 0));
	}
}

static struct value read_config(struct fake *f)
{
	struct sources *sources = sources_new(f->a);
	struct diag_sink *sink = diag_sink_new(f->a, sources);
	struct value v = { 0 };
	struct str bytes;

	if (file_read(f->a, AT_FDCWD, f->file, JSON_MAX_BYTES, &bytes, NULL) ||
	    json_parse(f->a, sink, sources_add(sources, f->file, bytes.p, (uint32_t)bytes.len), true, &v)) {
		fprintf(stderr, "fake engine: cannot read '%s'\n", f->file);
		exit(23);
	}
	return v;
}

static void obey_tags(struct fake *f, const struct value *outbounds)
{
	static const char prefix[] = "fake: ";

	for (uint32_t i = 0; outbounds && outbounds->kind == VAL_ARRAY && i < outbounds->n; i++) {
		struct str tag = value_get_str(&outbounds->items[i], "tag");

		if (str_starts(tag, prefix))
			obey(f, (struct str){ tag.p + sizeof(prefix) - 1, tag.len - (sizeof(prefix) - 1) });
	}
}

static void behave(struct fake *f, const char *exe)
{
	struct value config = read_config(f);
	const struct value *fake = value_get(&config, "fake");
	struct str lines;

	probe_choose(f->a, &config, &f->probe);
	if (!file_read(f->a, AT_FDCWD, arena_printf(f->a, "%s.behave", exe), 65536, &lines, NULL))
		while (lines.len)
			obey(f, str_cut(&lines, '\n'));
	else
		for (uint32_t i = 0; fake && fake->kind == VAL_ARRAY && i < fake->n; i++)
			obey(f, value_str(&fake->items[i]));
	obey_tags(f, value_get(&config, "outbounds"));
}

static void bind_now(struct fake *f)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)f->probe.port) };

	f->bind_at = INT64_MAX;
	if (f->probe.kind == PROBE_ALIVE)
		return;
	inet_pton(AF_INET, f->probe.address, &to.sin_addr);
	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(f->listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (bind(f->listener, (struct sockaddr *)&to, sizeof(to)) || listen(f->listener, 64)) {
		fprintf(stderr, "fake engine: listen on %s:%u: %s\n", f->probe.address, f->probe.port, strerror(errno));
		exit(23);
	}
}

static void serve_one(struct fake *f)
{
	int fd = accept(f->listener, NULL, NULL);
	struct timeval limit = { .tv_usec = 300000 };
	unsigned char hello[3];

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (recv(fd, hello, sizeof(hello), 0) > 0 && hello[0] == 5)
		send(fd, "\5\0", 2, MSG_NOSIGNAL);
	close(fd);
}

static void notify(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (path && strlen(path) < sizeof(to.sun_path)) {
		memcpy(to.sun_path, path, strlen(path));
		sendto(fd, text, strlen(text), 0, (struct sockaddr *)&to, sizeof(to));
	}
	close(fd);
}

static void reload(const struct fake *f)
{
	char text[512];
	struct timespec t;

	if (!f->reload || !strcmp(f->reload, "silent"))
		return;
	clock_gettime(CLOCK_MONOTONIC, &t);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
		 (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
	notify(text);
	if (!strncmp(f->reload, "refuse", 6))
		snprintf(text, sizeof(text), "READY=1\nERRNO=22\nSTATUS=%s", f->reload[6] ? f->reload + 7 : "");
	else
		snprintf(text, sizeof(text), "READY=1");
	notify(text);
}

static void on_signal(const struct fake *f)
{
	struct signalfd_siginfo info;

	if (read(f->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		reload(f);
	else if (!f->ignore_term)
		exit(0);
}

static int loop(struct fake *f)
{
	for (;;) {
		struct pollfd p[] = { { .fd = f->signals, .events = POLLIN }, { .fd = f->listener, .events = POLLIN } };
		int64_t now = clock_mono_ms(), next = f->bind_at < f->die_at ? f->bind_at : f->die_at;

		if (now >= f->die_at)
			return 3;
		if (now >= f->bind_at)
			bind_now(f);
		else if (poll(p, 2, next == INT64_MAX ? -1 : (int)(next - now)) > 0) {
			if (p[0].revents)
				on_signal(f);
			if (p[1].revents)
				serve_one(f);
		}
	}
}

static void hold_signals(struct fake *f)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	f->signals = signalfd(-1, &set, SFD_CLOEXEC);
}

int main(int argc, char **argv)
{
	struct fake f = { .listener = -1, .signals = -1, .die_at = INT64_MAX, .exit_code = -1 };

	f.a = arena_new();
	for (int i = 1; i < argc; i++) {
		f.test = f.test || str_is(str_of(argv[i]), "-test") || str_is(str_of(argv[i]), "check");
		if ((str_is(str_of(argv[i]), "-c") || str_is(str_of(argv[i]), "-config")) && i + 1 < argc)
			f.file = argv[i + 1];
	}
	if (!f.file) {
		fprintf(stderr, "usage: %s run [-test] -c FILE\n", argv[0]);
		return 2;
	}
	behave(&f, argv[0]);
	if (f.test) {
		printf("%s\n", f.refuse ? f.refuse : "Configuration OK.");
		return f.refuse ? 23 : 0;
	}
	if (f.becomes) {
		argv[0] = (char *)f.becomes;
		execv(f.becomes, argv);
	}
	if (f.exit_code >= 0)
		return f.exit_code;
	hold_signals(&f);
	return loop(&f);
}
