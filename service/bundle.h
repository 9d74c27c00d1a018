#ifndef XRAT_SERVICE_BUNDLE_H
#define XRAT_SERVICE_BUNDLE_H
/* The support archive: what is needed to see what happened on a machine one cannot log into, with every secret
 * masked. */
#include "apply/apply.h"

struct bundle_options {
	const char *root; /* CONFIG_ROOT; it may be broken in any way */
	unsigned roles;   /* bits 1 << enum role */
	bool with_secrets;
	const char *xrat; /* the program to take `check` and `diff` output from; NULL: beside this one */
	void (*progress)(void *ctx, const char *what); /* NULL: none */
	void *ctx;
};
struct bundle_result {
	const char *const *names; /* what is in it, in order */
	size_t n;
	unsigned secrets;         /* different ones that were masked */
	struct value problems;    /* array of {name, reason}: what could not be read */
};
/* Writes the zip to path (O_EXCL temporary beside it, 0600, atomically). The bytes depend on the content alone: fixed
 * order and times. 0, -errno; a masking fault is -EPERM and nothing is written. */
int bundle_write(struct arena *a, const char *path, const struct bundle_options *o, struct bundle_result *ret_result,
		 struct err *e);

#endif
