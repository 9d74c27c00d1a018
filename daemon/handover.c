/* Handing over to a successor, and taking over from a predecessor. */
#include "daemon/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define VARIABLE "XRAT_DAEMON_HANDOVER"

enum { MAX_BYTES = 64 * 1024 * 1024 };

struct handover {
	char *bytes;
	struct str rest; /* from "listen" on */
	int lock_fd, service_fd;
};

/* --- the successor's side --- */
static char *read_all(int fd, size_t *ret_len)
{
	struct stat st;
	char *bytes;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > MAX_BYTES)
		return NULL;
	bytes = malloc((size_t)st.st_size + 1);
	if (!bytes)
		return NULL;
	if (pread(fd, bytes, (size_t)st.st_size, 0) != st.st_size) {
		free(bytes);
		return NULL;
	}
	bytes[st.st_size] = 0;
	*ret_len = (size_t)st.st_size;
	return bytes;
}

static int usable_fd(int64_t fd)
{
	return fd > 2 && fd <= INT32_MAX && fcntl((int)fd, F_SETFD, FD_CLOEXEC) >= 0 ? (int)fd : -1;
}

static struct handover *parse(char *bytes, size_t len)
{
	struct handover *h = calloc(1, sizeof(*h));
	struct str text = { bytes, len };
	int64_t version, lock, service;

	if (!h || ipc_server_unpack_line(&text, "xrat-daemon", &version, 1) || version != 1 ||
	    ipc_server_unpack_line(&text, "lock", &lock, 1) || ipc_server_unpack_line(&text, "service", &service, 1)) {
		free(h);
		return NULL;
	}
	*h = (struct handover){ .bytes = bytes, .rest = text, .lock_fd = usable_fd(lock), .service_fd = usable_fd(service) };
	return h;
}

struct handover *handover_read(void)
{
	const char *number = getenv(VARIABLE);
	int fd = number ? (int)strtol(number, NULL, 10) : -1;
	struct handover *h;
	size_t len = 0;
	char *bytes;

	unsetenv(VARIABLE);
	if (fd <= 2)
		return NULL;
	bytes = read_all(fd, &len);
	close(fd);
	h = bytes ? parse(bytes, len) : NULL;
	if (!h)
		free(bytes);
	return h;
}

static int take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

int handover_take_lock(struct handover *h)
{
	return h ? take(&h->lock_fd) : -1;
}

int handover_take_service_lock(struct handover *h)
{
	return h ? take(&h->service_fd) : -1;
}

int handover_take_server(struct handover *h, struct daemon *d, struct ipc_server **ret_server, struct err *e)
{
	if (!h)
		return 1;
	return ipc_server_unpack(ret_server, &d->loop, &h->rest, daemon_handle, d, e);
}

void handover_free(struct handover *h)
{
	if (!h)
		return;
	if (h->lock_fd >= 0)
		close(h->lock_fd);
	if (h->service_fd >= 0)
		close(h->service_fd);
	free(h->bytes);
	free(h);
}

/* --- the predecessor's side --- */
static int set_through(int fd, bool through)
{
	return fd < 0 || fcntl(fd, F_SETFD, through ? 0 : FD_CLOEXEC) >= 0 ? 0 : -errno;
}

/* A memfd that holds the text, or -errno. It is let through the exec. */
static int write_all(const struct buf *text)
{
	int fd = memfd_create("xrat-handover", MFD_CLOEXEC), r = 0;
	size_t at = 0;

	if (fd < 0)
		return -errno;
	while (!r && at < text->len) {
		ssize_t n = write(fd, text->p + at, text->len - at);

		if (n > 0)
			at += (size_t)n;
		else if (errno != EINTR)
			r = -errno;
	}
	if (!r)
		r = set_through(fd, true);
	if (!r)
		return fd;
	close(fd);
	return r;
}

static int become(struct daemon *d, const char *exe, const struct buf *text)
{
	int service_fd = pipeline_lock_fd(d), fd = write_all(text), r = fd < 0 ? fd : 0;
	char number[16];

	if (!r)
		r = set_through(d->lock.fd, true);
	if (!r)
		r = set_through(service_fd, true);
	if (!r) {
		snprintf(number, sizeof(number), "%d", fd);
		if (!setenv(VARIABLE, number, 1))
			execv(exe, d->o->argv);
		r = -errno;
	}
	unsetenv(VARIABLE);
	set_through(d->lock.fd, false);
	set_through(service_fd, false);
	if (fd >= 0)
		close(fd);
	return r;
}

int handover_exec(struct daemon *d, const char *exe, struct err *e)
{
	struct buf text = { 0 };
	sigset_t all, before;
	int r;

	buf_printf(&text, "xrat-daemon 1\nlock %d\nservice %d\n", d->lock.fd, pipeline_lock_fd(d));
	r = ipc_server_pack(d->ipc, &text, e);
	if (r) {
		buf_fini(&text);
		return r;
	}
	/* The mask goes along: a signal that comes before the successor listens waits for it. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	r = become(d, exe, &text);
	sigprocmask(SIG_SETMASK, &before, NULL);
	buf_fini(&text);
	ipc_server_undo_pack(d->ipc);
	return err_sys(e, r, "start '%s'", exe);
}
