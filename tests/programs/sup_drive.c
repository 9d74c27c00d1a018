/* link: runtime model lib */
/* Drives a supervisor by lines on stdin and prints what it reports as lines of JSON.
 *   sup_drive EXE CWD LOG_DIR NAME [TIME=MS…]
 *     run file=PATH generation=N [proved] [reload] [prove=MS] [health=MS] [log=BYTES]
 *         [exe=PATH] [target=NAME]
 *     reload … (the same words)    adopt … pid=N ticks=N boot=ID dev=N ino=N
 *     stop    proved    view    close (leaves the engine running)    wrong N PID (tries N identities) */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/supervise.h"

struct drive {
	uv_loop_t loop;
	uv_pipe_t in;
	struct sup *sup;
	struct arena *a;
	struct sup_spec base;
	char line[4096];
	size_t line_len;
	int64_t begin_ms;
};

/* --- out --- */
static void print(struct value *v)
{
	struct buf out = { 0 };

	json_write_compact(&out, v);
	printf("%.*s\n", (int)out.len, out.p);
	fflush(stdout);
	buf_fini(&out);
}

static void on_report(void *ctx, const struct sup_report *r)
{
	static const char *const kinds[] = { "state", "proved", "unproved_failed", "stopped", "reloaded" };
	struct drive *d = ctx;
	struct value v = value_object(SPAN_NONE);

	value_put_str(d->a, &v, "kind", kinds[r->kind]);
	value_put_str(d->a, &v, "state", sup_state_names[r->state]);
	value_put_str(d->a, &v, "reason", arena_strdup(d->a, r->reason));
	value_put_int(d->a, &v, "generation", (int64_t)r->generation);
	value_put_bool(d->a, &v, "ok", r->ok);
	value_put_int(d->a, &v, "ms", clock_mono_ms() - d->begin_ms);
	print(&v);
}

static void print_result(struct drive *d, const char *kind, int64_t n)
{
	struct value v = value_object(SPAN_NONE);

	value_put_str(d->a, &v, "kind", kind);
	value_put_int(d->a, &v, "result", n);
	print(&v);
}

/* --- words --- */
struct words {
	struct sup_spec spec;
	struct process_id id;
};
static int64_t number(struct str s)
{
	return strtoll(s.p, NULL, 10);
}

static void w_prove(struct words *w, struct str v) { w->spec.prove_ms = (unsigned)number(v); }
static void w_health(struct words *w, struct str v) { w->spec.health_ms = (unsigned)number(v); }
static void w_log(struct words *w, struct str v) { w->spec.log_max_bytes = (uint64_t)number(v); }
static void w_exe(struct words *w, struct str v) { w->spec.exe = v.p; }
static void w_pid(struct words *w, struct str v) { w->id.pid = (int)number(v); }
static void w_ticks(struct words *w, struct str v) { w->id.start_ticks = (uint64_t)number(v); }
static void w_dev(struct words *w, struct str v) { w->id.exe_dev = (uint64_t)number(v); }
static void w_ino(struct words *w, struct str v) { w->id.exe_ino = (uint64_t)number(v); }
static void w_boot(struct words *w, struct str v) { snprintf(w->id.boot_id, BOOT_ID_TEXT, "%s", v.p); }
static void w_proved(struct words *w, struct str v)
{
	(void)v;
	w->spec.proved = true;
}
static void w_reload(struct words *w, struct str v)
{
	(void)v;
	w->spec.may_reload = true;
}
static void w_target(struct words *w, struct str v) { w->spec.target = target_find(v); }
static void w_file(struct words *w, struct str v) { w->spec.file = v.p; }
static void w_generation(struct words *w, struct str v) { w->spec.generation = (uint64_t)number(v); }

static const struct {
	const char *word;
	void (*put)(struct words *w, struct str v);
} spec_words[] = {
	{ "prove", w_prove }, { "health", w_health }, { "log", w_log }, { "exe", w_exe }, { "pid", w_pid },
	{ "ticks", w_ticks }, { "dev", w_dev }, { "ino", w_ino }, { "boot", w_boot }, { "proved", w_proved },
	{ "reload", w_reload }, { "file", w_file }, { "target", w_target }, { "generation", w_generation },
};

static void choose_probe(struct drive *d, struct sup_spec *spec)
{
	struct sources *sources = sources_new(d->a);
	struct diag_sink *sink = diag_sink_new(d->a, sources);
	struct value v;
	struct str bytes;

	if (file_read(d->a, AT_FDCWD, spec->file, JSON_MAX_BYTES, &bytes, NULL) ||
	    json_parse(d->a, sink, sources_add(sources, spec->file, bytes.p, (uint32_t)bytes.len), true, &v)) {
		fprintf(stderr, "cannot read '%s'\n", spec->file);
		exit(2);
	}
	probe_choose(d->a, &v, &spec->probe);
}

static struct words *read_words(struct drive *d, struct str rest)
{
	struct words *w = arena_new_of(d->a, struct words);

	w->spec = d->base;
	while (rest.len) {
		struct str v = str_cut(&rest, ' '), key = str_cut(&v, '=');

		v.p = arena_memdup(d->a, v.p ? v.p : "", v.len);
		for (size_t i = 0; i < sizeof(spec_words) / sizeof(spec_words[0]); i++)
			if (str_is(key, spec_words[i].word))
				spec_words[i].put(w, v);
	}
	choose_probe(d, &w->spec);
	return w;
}

/* --- commands --- */
static void c_run(struct drive *d, struct str rest)
{
	sup_run(d->sup, &read_words(d, rest)->spec);
}

static void c_reload(struct drive *d, struct str rest)
{
	sup_reload(d->sup, &read_words(d, rest)->spec);
}

static void c_adopt(struct drive *d, struct str rest)
{
	struct words *w = read_words(d, rest);

	print_result(d, "adopt", sup_adopt(d->sup, &w->spec, &w->id));
}

static void c_stop(struct drive *d, struct str rest)
{
	(void)rest;
	sup_stop(d->sup);
}

static void c_proved(struct drive *d, struct str rest)
{
	(void)rest;
	sup_set_proved(d->sup);
}

static void c_view(struct drive *d, struct str rest)
{
	struct sup_view w;
	struct value v = value_object(SPAN_NONE);

	(void)rest;
	sup_view(d->sup, &w);
	value_put_str(d->a, &v, "kind", "view");
	value_put_str(d->a, &v, "state", sup_state_names[w.state]);
	value_put_str(d->a, &v, "reason", arena_strdup(d->a, w.reason));
	value_put_int(d->a, &v, "pid", w.process.pid);
	value_put_int(d->a, &v, "ticks", (int64_t)w.process.start_ticks);
	value_put_str(d->a, &v, "boot", arena_strdup(d->a, w.process.boot_id));
	value_put_int(d->a, &v, "dev", (int64_t)w.process.exe_dev);
	value_put_int(d->a, &v, "ino", (int64_t)w.process.exe_ino);
	value_put_bool(d->a, &v, "ownership_proved", w.ownership_proved);
	value_put_int(d->a, &v, "starts", w.starts);
	value_put_int(d->a, &v, "fast_failures", w.fast_failures);
	value_put_int(d->a, &v, "next_ms", w.next_start_ms ? w.next_start_ms - clock_mono_ms() : 0);
	value_put_int(d->a, &v, "generation", (int64_t)w.generation);
	print(&v);
}

static void c_close(struct drive *d, struct str rest)
{
	(void)rest;
	sup_close(d->sup);
	d->sup = NULL;
	uv_close((uv_handle_t *)&d->in, NULL);
}

/* Identities that a recycled pid would have: the pid is right, the rest is another's. Counts those that were let in. */
static void c_wrong(struct drive *d, struct str rest)
{
	int64_t n = number(str_cut(&rest, ' ')), pid = number(rest), opened = 0;
	struct process_id id;

	if (process_identify((int)pid, &id)) {
		print_result(d, "wrong", -1);
		return;
	}
	for (int64_t i = 0; i < n; i++) {
		struct process_id other = id;
		int fd;

		other.start_ticks -= i % 2 ? (uint64_t)i : 0;
		other.boot_id[0] ^= i % 2 ? 0 : 1;
		fd = process_open(&other, NULL);
		if (fd >= 0) {
			opened++;
			process_signal(fd, SIGKILL);
			close(fd);
		}
	}
	print_result(d, "wrong", opened);
}

static const struct {
	const char *word;
	void (*run)(struct drive *d, struct str rest);
} commands[] = {
	{ "run", c_run }, { "reload", c_reload }, { "adopt", c_adopt }, { "stop", c_stop }, { "proved", c_proved },
	{ "view", c_view }, { "close", c_close }, { "wrong", c_wrong },
};

static void obey(struct drive *d, struct str line)
{
	struct str word = str_cut(&line, ' ');

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (str_is(word, commands[i].word) && d->sup)
			commands[i].run(d, line);
}

/* --- in --- */
static void give_buffer(uv_handle_t *h, size_t suggested, uv_buf_t *ret_buf)
{
	struct drive *d = h->data;

	(void)suggested;
	*ret_buf = uv_buf_init(d->line + d->line_len, (unsigned)(sizeof(d->line) - d->line_len));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct drive *d = s->data;
	char *end;

	(void)buf;
	if (n < 0) {
		if (d->sup)
			c_close(d, STR(""));
		return;
	}
	d->line_len += (size_t)n;
	while (d->sup && (end = memchr(d->line, '\n', d->line_len))) {
		size_t len = (size_t)(end - d->line);

		obey(d, (struct str){ arena_memdup(d->a, d->line, len), len });
		d->line_len -= len + 1;
		memmove(d->line, end + 1, d->line_len);
	}
}

/* --- times --- */
#define TIME(name) { #name, offsetof(struct sup_times, name) }
static const struct {
	const char *name;
	size_t at;
} times[] = {
	TIME(ready_ms), TIME(poll_ms), TIME(alive_ms), TIME(probe_ms), TIME(term_ms), TIME(backoff_first_ms),
	TIME(backoff_max_ms), TIME(healthy_reset_ms), TIME(reload_ms), TIME(log_ms),
};

static void set_time(struct sup_times *t, const char *word)
{
	struct str v = str_of(word), key = str_cut(&v, '=');

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (str_is(key, times[i].name))
			*(unsigned *)((char *)t + times[i].at) = (unsigned)number(v);
}

int main(int argc, char **argv)
{
	static struct drive d;
	struct err e = { 0 };

	if (argc < 5)
		return 2;
	d.a = arena_new();
	d.begin_ms = clock_mono_ms();
	d.base = (struct sup_spec){ .target = target_default(), .exe = argv[1], .cwd = argv[2], .log_dir = argv[3],
				    .name = argv[4], .prove_ms = 60000 };
	for (int i = 5; i < argc; i++)
		set_time(&d.base.times, argv[i]);
	uv_loop_init(&d.loop);
	uv_pipe_init(&d.loop, &d.in, 0);
	uv_pipe_open(&d.in, STDIN_FILENO);
	d.in.data = &d;
	uv_read_start((uv_stream_t *)&d.in, give_buffer, on_read);
	if (sup_new(&d.sup, &d.loop, on_report, &d, &e)) {
		fprintf(stderr, "%s\n", err_text(&e));
		return 2;
	}
	uv_run(&d.loop, UV_RUN_DEFAULT);
	arena_free(d.a);
	return uv_loop_close(&d.loop) ? 3 : 0;
}
