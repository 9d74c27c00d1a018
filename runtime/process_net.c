/* Whose a listening socket is: /proc/net/tcp* (Documentation/networking/proc_net_tcp.rst of the kernel) against the
 * descriptors of a process. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/process_impl.h"

enum { STATE_LISTEN = 0x0A, CHUNK = 64 * 1024, MAX_HOLDERS = 64 };

/* --- the tables --- */
struct listing {
	struct arena *a;
	struct listener *rows;
	size_t n, cap;
};

static int table_add(struct listing *t, const char *address, unsigned port, uint64_t inode)
{
	size_t len = strlen(address) + 1;
	char *copy = arena_try_alloc(t->a, len);

	if (!copy)
		return -ENOMEM;
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 32;
		struct listener *more = arena_try_alloc(t->a, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		if (t->n)
			memcpy(more, t->rows, t->n * sizeof(*more));
		t->rows = more;
		t->cap = cap;
	}
	memcpy(copy, address, len);
	t->rows[t->n++] = (struct listener){ copy, port, inode };
	return 0;
}

/* The kernel prints the address as 32-bit words of its own byte order. An IPv4 address inside IPv6 is shown as such. */
static bool address_read(const char *hex, size_t len, char *ret_text, size_t text_len)
{
	uint32_t words[4] = { 0 };
	struct in6_addr v6;

	if (len != 8 && len != 32)
		return false;
	for (size_t i = 0; i * 8 < len; i++) {
		char word[9] = { 0 };

		memcpy(word, hex + i * 8, 8);
		words[i] = (uint32_t)strtoul(word, NULL, 16);
	}
	memcpy(&v6, words, sizeof(v6));
	if (len == 8)
		return inet_ntop(AF_INET, words, ret_text, (socklen_t)text_len);
	if (IN6_IS_ADDR_V4MAPPED(&v6))
		return inet_ntop(AF_INET, &words[3], ret_text, (socklen_t)text_len);
	return inet_ntop(AF_INET6, &v6, ret_text, (socklen_t)text_len);
}

/* "0: 0100007F:0438 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 12345 …". 1: a row of another state. */
static int row_read(struct listing *t, const char *row)
{
	char local[64], address[INET6_ADDRSTRLEN];
	unsigned state;
	uint64_t inode;
	char *colon;

	if (sscanf(row, " %*d: %63s %*s %x %*s %*s %*s %*s %*s %" SCNu64, local, &state, &inode) != 3) // NOLINT(cert-err34-c)
		return 0;
	if (state != STATE_LISTEN)
		return 1;
	colon = strchr(local, ':');
	if (!colon || !address_read(local, (size_t)(colon - local), address, sizeof(address)))
		return 0;
	return table_add(t, address, (unsigned)strtoul(colon + 1, NULL, 16), inode);
}

/* Listeners come first, so the first row of another state ends it: a busy machine has a hundred thousand of those. */
static int table_read(struct listing *t, int fd)
{
	char *text = malloc(CHUNK + 1);
	size_t len = 0;
	int r = text ? 0 : -ENOMEM;

	while (!r) {
		ssize_t n = read(fd, text + len, CHUNK - len);
		char *line = text, *end;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			r = n < 0 ? -errno : 1;
			break;
		}
		len += (size_t)n;
		text[len] = 0;
		for (; !r && (end = strchr(line, '\n')); line = end + 1) {
			*end = 0;
			r = row_read(t, line);
		}
		len -= (size_t)(line - text);
		memmove(text, line, len);
	}
	free(text);
	return r == 1 ? 0 : r;
}

/* A kernel without IPv6 has no tcp6. */
static int table_file(struct listing *t, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = table_read(t, fd);
	close(fd);
	return r;
}

int process_listeners(struct arena *a, struct listener **ret_listeners, size_t *ret_n)
{
	struct listing t = { .a = a };
	int r = table_file(&t, "/proc/net/tcp");

	if (!r)
		r = table_file(&t, "/proc/net/tcp6");
	if (r)
		return r;
	*ret_listeners = t.rows;
	*ret_n = t.n;
	return 0;
}

/* --- who holds a socket --- */
struct sockets {
	const uint64_t *inodes;
	size_t n;
	uint64_t found; /* bit per inode */
};

/* Marks which of the sockets the process has open. 0, -EACCES, -ESRCH, -errno. */
static int sockets_of(int pid, struct sockets *s)
{
	char path[64], target[64];
	struct dirent *entry;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	if (!d)
		return errno == ENOENT ? -ESRCH : -errno;
	while ((entry = readdir(d))) {
		ssize_t len = readlinkat(dirfd(d), entry->d_name, target, sizeof(target) - 1);
		uint64_t inode;

		target[len > 0 ? len : 0] = 0;
		if (sscanf(target, "socket:[%" SCNu64 "]", &inode) != 1) // NOLINT(cert-err34-c)
			continue;
		for (size_t i = 0; i < s->n; i++)
			if (s->inodes[i] == inode)
				s->found |= 1ull << i;
	}
	closedir(d);
	return 0;
}

static uint64_t all_of(size_t n)
{
	return n >= 64 ? ~0ull : (1ull << n) - 1;
}

/* How directly a listener would answer for the address: 3 its own, 2 all of its family, 1 :: for an IPv4 address. */
static int closeness(const char *listening, const char *address)
{
	struct str at = str_of(listening);
	bool v6 = strchr(address, ':');

	if (str_is(at, address))
		return 3;
	if (str_is(at, "::"))
		return v6 ? 2 : 1;
	return !v6 && str_is(at, "0.0.0.0") ? 2 : 0;
}

/* The sockets among which the kernel would choose. */
static int candidates(const char *address, unsigned port, uint64_t *inodes, size_t *ret_n)
{
	struct arena *a = arena_new();
	struct listener *all = NULL;
	size_t n = 0, kept = 0;
	int best = 1, r = a ? process_listeners(a, &all, &n) : -ENOMEM;

	for (size_t i = 0; !r && i < n; i++) {
		int rank = all[i].port == port ? closeness(all[i].address, address) : 0;

		if (rank > best || (rank && !kept)) {
			best = rank;
			kept = 0;
		}
		if (rank == best && kept < MAX_HOLDERS)
			inodes[kept++] = all[i].inode;
	}
	arena_free(a);
	*ret_n = kept;
	return r;
}

struct holder {
	struct sockets sockets;
	int session, pid, self;
};

static int visit_session(void *ctx, int pid)
{
	struct holder *h = ctx;
	struct process_stat st;
	int dir_fd = process_dir(pid);

	if (dir_fd < 0)
		return 0;
	if (!process_stat_read(dir_fd, &st) && st.session == h->session)
		sockets_of(pid, &h->sockets);
	close(dir_fd);
	return h->sockets.found == all_of(h->sockets.n);
}

int process_owns(const struct process_id *id, const char *address, unsigned port)
{
	uint64_t inodes[MAX_HOLDERS];
	struct holder h = { .sockets = { .inodes = inodes }, .session = id->pid };
	int r = candidates(address, port, inodes, &h.sockets.n);

	if (r)
		return r;
	if (!h.sockets.n)
		return OWNER_NONE;
	if (id->pid <= 0)
		return OWNER_OTHER;
	r = sockets_of(id->pid, &h.sockets);
	if (r == -EACCES || r == -EPERM)
		return OWNER_HIDDEN;
	if (!r && h.sockets.found != all_of(h.sockets.n))
		r = process_each(visit_session, &h);
	if (r < 0)
		return r;
	return h.sockets.found == all_of(h.sockets.n) ? OWNER_OURS : OWNER_OTHER;
}

/* --- for messages --- */
static int visit_holder(void *ctx, int pid)
{
	struct holder *h = ctx;

	sockets_of(pid, &h->sockets);
	if (h->sockets.found)
		h->pid = pid;
	return h->sockets.found != 0;
}

void process_holder(const char *address, unsigned port, char *ret_text, size_t text_len)
{
	uint64_t inodes[MAX_HOLDERS];
	struct holder h = { .sockets = { .inodes = inodes } };
	char name[32];

	*ret_text = 0;
	if (candidates(address, port, inodes, &h.sockets.n) || !h.sockets.n)
		return;
	if (process_each(visit_holder, &h) > 0) {
		process_name(h.pid, name, sizeof(name));
		snprintf(ret_text, text_len, "pid %d ('%s')", h.pid, name);
	} else {
		snprintf(ret_text, text_len, "another process");
	}
}

static void put_listener(const struct listener *l, char *text, size_t text_len)
{
	size_t used = strlen(text);
	bool v6 = strchr(l->address, ':');

	snprintf(text + used, text_len - used, "%s%s%s%s:%u", used ? ", " : "", v6 ? "[" : "", l->address, v6 ? "]" : "",
		 l->port);
}

/* What is found of these few, which are neighbours in the table. */
static void put_batch(const struct process_id *id, const struct listener *all, size_t n, char *text, size_t text_len)
{
	uint64_t inodes[MAX_HOLDERS];
	struct holder h = { .sockets = { .inodes = inodes, .n = n }, .session = id->pid };

	for (size_t i = 0; i < n; i++)
		inodes[i] = all[i].inode;
	if (!sockets_of(id->pid, &h.sockets))
		process_each(visit_session, &h);
	for (size_t i = 0; i < n; i++)
		if (h.sockets.found & 1ull << i && strlen(text) + 64 < text_len)
			put_listener(&all[i], text, text_len);
}

void process_listens(const struct process_id *id, char *ret_text, size_t text_len)
{
	struct arena *a = arena_new();
	struct listener *all = NULL;
	size_t n = 0;

	*ret_text = 0;
	if (!a || process_listeners(a, &all, &n))
		n = 0;
	for (size_t i = 0; i < n && strlen(ret_text) + 64 < text_len; i += MAX_HOLDERS)
		put_batch(id, all + i, n - i < MAX_HOLDERS ? n - i : MAX_HOLDERS, ret_text, text_len);
	arena_free(a);
}
