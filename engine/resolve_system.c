/* What the system itself knows about names: servers, search list and the options ndots, timeout and attempts of resolv.conf(5), and
 * the addresses of hosts(5). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/resolve.h"

enum { CHECK_MS = 5000, FILE_MAX = 32 << 20, PORT = 53 };

void resolve_system_init(struct resolve_system *s)
{
	*s = (struct resolve_system){ .port = PORT, .ndots = 1, .try_ms = SYSTEM_TRY_MS, .tries = SYSTEM_TRIES };
	s->resolv_conf.path = "/etc/resolv.conf";
	s->hosts_file.path = "/etc/hosts";
}

static void drop_hosts(struct resolve_system *s)
{
	free(s->text);
	free(s->hosts);
	s->text = NULL;
	s->hosts = NULL;
	s->n_hosts = 0;
}

void resolve_system_fini(struct resolve_system *s)
{
	drop_hosts(s);
	free(s->conf_text);
	s->conf_text = NULL;
	s->n_search = 0;
}

/* --- files --- */
static bool has_changed(struct system_file *f)
{
	struct stat st = { 0 };

	if (stat(f->path, &st) < 0)
		memset(&st, 0, sizeof(st));
	if (f->mtime_s == st.st_mtim.tv_sec && f->mtime_ns == st.st_mtim.tv_nsec && f->size == st.st_size &&
	    f->inode == (int64_t)st.st_ino)
		return false;
	f->mtime_s = st.st_mtim.tv_sec;
	f->mtime_ns = st.st_mtim.tv_nsec;
	f->size = st.st_size;
	f->inode = (int64_t)st.st_ino;
	return true;
}

/* The text with a NUL behind it; NULL: there is none. */
static char *read_text(const struct system_file *f)
{
	int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t cap = f->size > 0 && f->size < FILE_MAX ? (size_t)f->size : 0, len = 0;
	char *text = fd < 0 ? NULL : malloc(cap + 1);
	ssize_t n;

	while (text && len < cap && (n = read(fd, text + len, cap - len)) > 0)
		len += (size_t)n;
	if (text)
		text[len] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\0';
}

/* The next word of a line; empty at its end. */
static struct str next_word(struct str *line)
{
	struct str word;

	while (line->len && is_blank(*line->p))
		*line = str_skip(*line, 1);
	word = (struct str){ line->p, 0 };
	while (word.len < line->len && !is_blank(line->p[word.len]))
		word.len++;
	*line = str_skip(*line, word.len);
	return word;
}

static struct str without_comment(struct str line)
{
	for (size_t i = 0; i < line.len; i++)
		if (line.p[i] == '#' || line.p[i] == ';')
			line.len = i;
	return line;
}

/* --- resolv.conf --- */
static void add_server(struct resolve_system *s, struct str text)
{
	struct route_ip ip;

	if (s->n_servers < SYSTEM_SERVERS && !route_ip_parse(text, &ip))
		addr_set_ip(&s->servers[s->n_servers++], &ip, s->port);
}

static void take_server(struct resolve_system *s, struct str line)
{
	add_server(s, next_word(&line));
}

static void lower(struct resolve_system *s, struct str word)
{
	for (char *p = s->conf_text + (word.p - s->conf_text), *end = p + word.len; p < end; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 32);
}

/* "search" and "domain": the last such line counts. */
static void take_search(struct resolve_system *s, struct str line)
{
	struct str word;

	s->n_search = 0;
	while ((word = next_word(&line)).len && s->n_search < SYSTEM_SEARCH) {
		lower(s, word);
		while (word.len && word.p[word.len - 1] == '.')
			word.len--;
		while (word.len && *word.p == '.')
			word = str_skip(word, 1);
		if (word.len)
			s->search[s->n_search++] = word;
	}
}

static void take_options(struct resolve_system *s, struct str line)
{
	enum { NDOTS, TIMEOUT, ATTEMPTS, OPTIONS };
	static const struct {
		const char *name;
		int64_t least, most;
	} known[OPTIONS] = { [NDOTS] = { "ndots", 0, 15 }, [TIMEOUT] = { "timeout", 1, 30 }, [ATTEMPTS] = { "attempts", 1, 5 } };
	int64_t value[OPTIONS] = { s->ndots, s->try_ms / 1000, s->tries }, n;
	struct str word;

	while ((word = next_word(&line)).len) {
		struct str name = str_cut(&word, ':');

		for (int i = 0; i < OPTIONS; i++)
			if (str_is(name, known[i].name) && !str_int(word, &n))
				value[i] = n < known[i].least ? known[i].least : n > known[i].most ? known[i].most : n;
	}
	s->ndots = (unsigned)value[NDOTS];
	s->try_ms = (uint32_t)value[TIMEOUT] * 1000;
	s->tries = (uint8_t)value[ATTEMPTS];
}

static void read_conf(struct resolve_system *s)
{
	static const struct {
		const char *word;
		void (*take)(struct resolve_system *s, struct str line);
	} keys[] = { { "nameserver", take_server }, { "search", take_search }, { "domain", take_search }, { "options", take_options } };
	char *text = read_text(&s->resolv_conf);
	struct str rest = str_of(text ? text : "");

	free(s->conf_text);
	s->conf_text = text;
	s->n_servers = s->n_search = 0;
	s->ndots = 1;
	s->try_ms = SYSTEM_TRY_MS;
	s->tries = SYSTEM_TRIES;
	while (rest.len) {
		struct str line = without_comment(str_cut(&rest, '\n')), word = next_word(&line);

		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
			if (str_is(word, keys[i].word))
				keys[i].take(s, line);
	}
	if (!s->n_servers)
		add_server(s, STR("127.0.0.1"));
}

/* --- hosts --- */
static int by_name(const void *a, const void *b)
{
	const struct system_host *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x > y) - (x < y);
}

static int add_host(struct resolve_system *s, size_t *cap, struct str name, const struct route_ip *ip)
{
	char *at = s->text + (name.p - s->text);

	if (s->n_hosts == *cap) {
		size_t n = *cap ? *cap * 2 : 16;
		struct system_host *more = realloc(s->hosts, n * sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->hosts = more;
		*cap = n;
	}
	for (size_t i = 0; i < name.len; i++)
		if (at[i] >= 'A' && at[i] <= 'Z')
			at[i] = (char)(at[i] + 32);
	at[name.len] = '\0';
	s->hosts[s->n_hosts++] = (struct system_host){ at, *ip };
	return 0;
}

static void read_hosts(struct resolve_system *s)
{
	struct str rest, line, name;
	struct route_ip ip;
	size_t cap = 0;

	drop_hosts(s);
	s->text = read_text(&s->hosts_file);
	rest = str_of(s->text ? s->text : "");
	while (rest.len) {
		line = without_comment(str_cut(&rest, '\n'));
		if (route_ip_parse(next_word(&line), &ip))
			continue;
		while ((name = next_word(&line)).len)
			if (add_host(s, &cap, name, &ip))
				return;
	}
	if (s->n_hosts)
		qsort(s->hosts, s->n_hosts, sizeof(*s->hosts), by_name);
}

void resolve_system_check(struct resolve_system *s, int64_t now_ms)
{
	if (s->checked_ms && now_ms - s->checked_ms < CHECK_MS)
		return;
	if (has_changed(&s->resolv_conf) || !s->checked_ms)
		read_conf(s);
	if (has_changed(&s->hosts_file))
		read_hosts(s);
	s->checked_ms = now_ms ? now_ms : 1;
}

/* The first entry that is not before the name. */
static size_t find_host(const struct resolve_system *s, const char *name)
{
	size_t lo = 0, hi = s->n_hosts;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(s->hosts[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool is_wanted(const struct route_ip *ip, unsigned how)
{
	return how & (ip->family == ADDR_V4 ? RESOLVE_4 : RESOLVE_6);
}

/* RFC 6761 6.3 */
static bool is_localhost(struct str name)
{
	static const char tail[] = ".localhost";

	return str_is(name, "localhost") ||
	       (name.len >= sizeof(tail) - 1 && str_is(str_skip(name, name.len - (sizeof(tail) - 1)), tail));
}

static uint32_t add_localhost(unsigned how, struct route_ip *ret_ips, uint32_t max)
{
	static const struct route_ip ips[] = { { ADDR_V4, { 127, 0, 0, 1 } }, { ADDR_V6, { [15] = 1 } } };
	uint32_t n = 0;

	for (size_t i = 0; i < 2 && n < max; i++)
		if (is_wanted(&ips[i], how))
			ret_ips[n++] = ips[i];
	return n;
}

uint32_t resolve_system_hosts(const struct resolve_system *s, struct str name, unsigned how, struct route_ip *ret_ips, uint32_t max)
{
	char text[ADDR_NAME_MAX + 1];
	uint32_t n = 0;

	if (name.len > ADDR_NAME_MAX)
		return 0;
	memcpy(text, name.p, name.len);
	text[name.len] = '\0';
	for (size_t i = find_host(s, text); i < s->n_hosts && n < max && !strcmp(s->hosts[i].name, text); i++)
		if (is_wanted(&s->hosts[i].ip, how))
			ret_ips[n++] = s->hosts[i].ip;
	return n || !is_localhost(name) ? n : add_localhost(how, ret_ips, max);
}
