/* posix_spawn with everything reset. */
#include "runtime/spawn.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/process_impl.h"

extern char **environ;

void spawn_argv(const char *const *pattern, const char *exe, const char *file, char *ret_argv[SPAWN_ARGV_MAX])
{
	size_t n = 0;

	for (; n < SPAWN_ARGV_MAX - 1 && pattern[n]; n++) {
		struct str arg = str_of(pattern[n]);

		ret_argv[n] = (char *)(str_is(arg, "{exe}") ? exe : str_is(arg, "{file}") ? file : arg.p);
	}
	ret_argv[n] = NULL;
}

/* --- environment --- */
static const char *const allowed[] = {
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TZ", "LANG", "LANGUAGE", "TMPDIR",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "GOMAXPROCS", "GOGC", "GOMEMLIMIT", "GODEBUG", "GOTRACEBACK",
	"XRAY_LOCATION_ASSET", "XRAY_LOCATION_CERT", "V2RAY_LOCATION_ASSET", "V2RAY_LOCATION_CERT",
	"xray.location.asset", "xray.location.cert", "v2ray.location.asset", "v2ray.location.cert",
};

static bool is_allowed(struct str name)
{
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (str_is(name, allowed[i]))
			return true;
	return str_starts(name, "LC_");
}

/* Engines look for NAME and for its upper-case form with _ for a dot. */
static bool same_name(struct str wanted, struct str name)
{
	if (wanted.len != name.len)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char upper = wanted.p[i] == '.' ? '_' : (char)toupper((unsigned char)wanted.p[i]);

		if (name.p[i] != wanted.p[i] && name.p[i] != upper)
			return false;
	}
	return true;
}

/* Whether the file has the string "env:NAME", alone or before a comma. Its text is searched, not its tree: what is found
 * too much is a variable that the operator wrote there. */
static bool is_named(struct str file, struct str name)
{
	const char *mark = "\"env:", *p = file.p, *end = file.p + file.len;

	for (;;) {
		struct str wanted = { 0 };

		p = p ? memmem(p, (size_t)(end - p), mark, strlen(mark)) : NULL;
		if (!p)
			return false;
		p += strlen(mark);
		wanted.p = p;
		while (p + wanted.len < end && !memchr("\",\n", p[wanted.len], 3))
			wanted.len++;
		if (same_name(wanted, name))
			return true;
	}
}

static struct str read_config(const char *file)
{
	struct str s = { 0 };
	char *text;

	if (file && !process_file(AT_FDCWD, file, JSON_MAX_BYTES, &text, &s.len))
		s.p = text;
	return s;
}

static bool is_wanted(const char *entry, struct str config)
{
	struct str rest = str_of(entry), name = str_cut(&rest, '=');

	return is_allowed(name) || is_named(config, name);
}

char **spawn_env(const char *file, const char *const extra[2])
{
	struct str config = read_config(file);
	size_t n = 0, kept = 0;
	char **env;

	while (environ && environ[n])
		n++;
	env = calloc(n + 3, sizeof(*env));
	for (size_t i = 0; env && i < n; i++)
		if (is_wanted(environ[i], config))
			env[kept++] = environ[i];
	for (size_t i = 0; env && extra && i < 2 && extra[i]; i++)
		env[kept++] = (char *)extra[i];
	free((char *)config.p);
	return env;
}

/* --- the process --- */
static int fill_actions(posix_spawn_file_actions_t *actions, const struct spawn *s)
{
	int r = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	if (!r)
		r = posix_spawn_file_actions_adddup2(actions, s->out_fd, STDOUT_FILENO);
	if (!r)
		r = posix_spawn_file_actions_adddup2(actions, s->err_fd, STDERR_FILENO);
	/* Everything of ours is close-on-exec; a library's may not be. */
	if (!r)
		r = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
	if (!r && s->cwd)
		r = posix_spawn_file_actions_addchdir_np(actions, s->cwd);
	return r;
}

static int fill_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	r = posix_spawnattr_setsigmask(attr, &none);
	if (!r)
		r = posix_spawnattr_setsigdefault(attr, &all);
	if (!r)
		r = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return r;
}

static int spawn_with(const struct spawn *s, posix_spawn_file_actions_t *actions, posix_spawnattr_t *attr, int *ret_pid)
{
	int r = fill_actions(actions, s);

	if (!r)
		r = fill_attributes(attr);
	return r ? r : posix_spawn(ret_pid, s->argv[0], actions, attr, s->argv, s->env);
}

static int spawn_process(const struct spawn *s, int *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int r = s->argv[0] ? posix_spawn_file_actions_init(&actions) : EINVAL;

	if (r)
		return -r;
	r = posix_spawnattr_init(&attr);
	if (!r) {
		r = spawn_with(s, &actions, &attr, ret_pid);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* A process that cannot be held cannot be signalled either, so the place for its pidfd is taken before it exists. It is
 * not reaped yet, so the pid is its own. */
int spawn_start(const struct spawn *s, int *ret_pid, int *ret_pidfd)
{
	int place = open("/dev/null", O_RDONLY | O_CLOEXEC), pid = 0, pidfd, r;

	if (place < 0)
		return -errno;
	r = spawn_process(s, &pid);
	close(place);
	if (r)
		return r;
	pidfd = process_pidfd(pid);
	if (pidfd < 0)
		return pidfd;
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	return 0;
}
