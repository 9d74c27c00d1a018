/* link: fetch lib */
/* fetch_get and fetch_probe from the command line, for tests/fetch: fetch_drive get|probe|shown URL [NAME=VALUE...], the
 * outcome as one JSON object. "times" repeats the request, in as many threads as "threads" says. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fetch/fetch.h"

struct drive {
	const char *url;
	bool probe;
	struct fetch_options o;
	int64_t abort_at_ms;
	long times, threads;
	unsigned open, inherited; /* descriptors during the last request */
};

/* Descriptors, and network sockets that a child started now would have. */
static void look_at_descriptors(struct drive *d)
{
	d->open = d->inherited = 0;
	for (int fd = 3; fd < 256; fd++) {
		struct sockaddr_storage name;
		socklen_t len = sizeof(name);
		int flags = fcntl(fd, F_GETFD);
		d->open += flags >= 0;
		if (flags >= 0 && !(flags & FD_CLOEXEC) && !getsockname(fd, (struct sockaddr *)&name, &len))
			d->inherited += name.ss_family == AF_INET || name.ss_family == AF_INET6;
	}
}

static bool on_tick(void *data)
{
	struct drive *d = data;

	if (d->threads <= 1)
		look_at_descriptors(d);
	return d->abort_at_ms && clock_mono_ms() >= d->abort_at_ms;
}

static void put_text(struct arena *a, struct value *o, const char *key, const char *s)
{
	value_put(a, o, key, s ? value_string(arena_strdup(a, s), SPAN_NONE) : value_null(SPAN_NONE));
}

static void put_result(struct arena *a, struct value *o, const struct fetch_result *r)
{
	value_put_str(a, o, "outcome", fetch_outcome_name(r->outcome));
	value_put_int(a, o, "status", r->status);
	value_put_int(a, o, "len", (int64_t)r->len);
	value_put_bool(a, o, "has_body", r->body != NULL);
	put_text(a, o, "body", r->body && r->len < 4096 ? r->body : NULL);
	put_text(a, o, "etag", r->etag);
	put_text(a, o, "last_modified", r->last_modified);
	put_text(a, o, "title", r->title);
	put_text(a, o, "content_type", r->content_type);
	value_put_int(a, o, "interval", r->update_interval_hours);
	value_put_int(a, o, "redirects", r->redirects);
	value_put_bool(a, o, "userinfo", r->userinfo.set);
	value_put_int(a, o, "upload", r->userinfo.has_upload ? r->userinfo.upload : -1);
	value_put_int(a, o, "download", r->userinfo.has_download ? r->userinfo.download : -1);
	value_put_int(a, o, "total", r->userinfo.has_total ? r->userinfo.total : -1);
	value_put_int(a, o, "expire", r->userinfo.has_expire ? r->userinfo.expire : -1);
}

static void put_probe(struct arena *a, struct value *o, const struct fetch_probe_result *r)
{
	value_put_str(a, o, "outcome", fetch_outcome_name(r->outcome));
	value_put_int(a, o, "status", r->status);
	value_put_int(a, o, "connect_us", (int64_t)(r->connect_ms * 1000));
	value_put_int(a, o, "tls_us", (int64_t)(r->tls_ms * 1000));
	value_put_int(a, o, "first_byte_us", (int64_t)(r->first_byte_ms * 1000));
	value_put_int(a, o, "total_us", (int64_t)(r->total_ms * 1000));
}

static int request(struct drive *d, struct arena *a, struct value *o)
{
	struct err e = { 0 };
	struct fetch_result got;
	struct fetch_probe_result timed;
	int64_t begin = clock_mono_ms();
	int rc = d->probe ? fetch_probe(d->url, &d->o, &timed, &e) : fetch_get(d->url, &d->o, &got, &e);

	value_put_int(a, o, "rc", rc);
	value_put_int(a, o, "ms", clock_mono_ms() - begin);
	put_text(a, o, "error", rc ? err_text(&e) : NULL);
	if (d->probe) {
		put_probe(a, o, &timed);
	} else {
		put_result(a, o, &got);
		fetch_result_fini(&got);
	}
	err_fini(&e);
	return rc;
}

static void *thread(void *data)
{
	struct drive *d = data;
	long bad = 0;

	for (long i = 0; i < d->times; i++) {
		struct arena *a = arena_new();
		struct value o = value_object(SPAN_NONE);
		bad += request(d, a, &o) != 0;
		arena_free(a);
	}
	return (void *)bad;
}

static long many(struct drive *d)
{
	pthread_t threads[64];
	long bad = 0;

	for (long i = 0; i < d->threads; i++)
		if (pthread_create(&threads[i], NULL, thread, d))
			abort();
	for (long i = 0; i < d->threads; i++) {
		void *one;
		pthread_join(threads[i], &one);
		bad += (long)one;
	}
	return bad;
}

static void set(struct drive *d, const char *name, const char *value)
{
	const struct {
		const char *name;
		const char **text;
		long *number;
	} rows[] = {
		{ "agent", &d->o.user_agent, NULL }, { "proxy", &d->o.proxy, NULL }, { "ca", &d->o.ca_file, NULL },
		{ "etag", &d->o.etag, NULL }, { "lm", &d->o.last_modified, NULL },
		{ "timeout", NULL, &d->o.timeout_ms }, { "connect", NULL, &d->o.connect_timeout_ms },
		{ "times", NULL, &d->times }, { "threads", NULL, &d->threads },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (strcmp(rows[i].name, name))
			continue;
		if (rows[i].text)
			*rows[i].text = value;
		else
			*rows[i].number = atol(value);
		return;
	}
	if (!strcmp(name, "max"))
		d->o.max_bytes = (size_t)atol(value);
	else if (!strcmp(name, "env"))
		d->o.env_proxy = true;
	else if (!strcmp(name, "downgrade"))
		d->o.allow_downgrade = true;
	else if (!strcmp(name, "abort"))
		d->abort_at_ms = clock_mono_ms() + atol(value);
}

static void run(struct drive *d, struct arena *a, struct value *o)
{
	char *shown;

	if (d->threads > 1 || d->times > 1) {
		value_put_int(a, o, "bad", many(d));
	} else {
		request(d, a, o);
	}
	value_put_int(a, o, "open_during", d->open);
	value_put_int(a, o, "inherited", d->inherited);
	look_at_descriptors(d);
	value_put_int(a, o, "open_after", d->open);
	shown = fetch_url_shown(d->url);
	put_text(a, o, "shown", shown);
	free(shown);
}

int main(int argc, char **argv)
{
	struct arena *a = arena_new();
	struct value o = value_object(SPAN_NONE);
	struct buf out = { 0 };
	struct drive d = { .times = 1, .threads = 1 };

	if (argc < 3 || fetch_init())
		return 2;
	d.url = argv[2];
	d.probe = !strcmp(argv[1], "probe");
	d.o.abort = on_tick;
	d.o.data = &d;
	for (int i = 3; i < argc; i++) {
		char *value = strchr(argv[i], '=');
		if (value)
			*value++ = '\0';
		set(&d, argv[i], value ? value : "");
	}
	run(&d, a, &o);
	json_write(&out, &o);
	fwrite(out.p, 1, out.len, stdout);
	buf_fini(&out);
	arena_free(a);
	fetch_fini();
	return 0;
}
