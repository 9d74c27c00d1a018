#ifndef XRAT_ENGINE_H
#define XRAT_ENGINE_H
/* The embedded engine: a data plane for the same xray.json that Xray reads. It runs only what `engine check` has passed; the
 * caller brings the checked configuration, because checking is the compiler's. */
#include "lib/lib.h"
#include "model/model.h"

struct engine_options {
	/* Reads and checks the file: 0 and the configuration; 1: refused, the sink says why; -errno. All of it lives in the
	 * arena, which is freed before the first connection is taken. Called at the start and at each reload. fd: the file was
	 * opened by somebody who may; -1: by its path. */
	int (*load)(void *ctx, int fd, struct arena *a, struct diag_sink *sink, struct xconf *ret_x, struct err *e);
	/* Shows what the sink has gathered, also when all is well. */
	void (*report)(void *ctx, struct arena *a, struct diag_sink *sink);
	void *ctx;             /* of both */
	unsigned workers;      /* 0 = one for each core */
	const char *control;   /* path of the control socket; NULL = none */
	const char *user;      /* to become after the listeners are bound; NULL = stay */
	const char *assets[4]; /* directories of .dat files, NULL-terminated */
	bool no_seccomp;
};
/* Until SIGTERM or SIGINT; SIGHUP reloads. 0; 1: the file was refused, and reported; -errno. */
int engine_run(const struct engine_options *o, struct err *e);
/* Whether engine_run would take the file; nothing is opened. 0; 1: no, and reported; -errno. */
int engine_try(const struct engine_options *o, struct err *e);

/* --- for an engine that has given up root: its parent opens what a reload of the file at `path` takes --- */
struct parcel;
/* running: the result of the engine's "status". Packs the file, the .dat files that it names, and sockets for the addresses that
 * the engine does not listen on yet. 0; 1: the file is refused, and reported; -errno. */
int engine_pack(const struct engine_options *o, const char *path, const struct value *running, struct parcel **ret_parcel,
		struct err *e);
/* Sends the reload with it: 0 or -errno. The answer is a line, as always. */
int engine_send_parcel(const struct parcel *p, int fd);
/* What became of it: the engine has it; it never got it whole; it got it and said no, or did not say. */
enum engine_parcel { ENGINE_PARCEL_TAKEN, ENGINE_PARCEL_UNSENT, ENGINE_PARCEL_IN_DOUBT };
/* Unix sockets that were made for it go with it unless the engine has them: in doubt those that nobody listens on. NULL is
 * fine. */
void engine_free_parcel(struct parcel *p, enum engine_parcel fate);

#endif
