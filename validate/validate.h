#ifndef XRAT_VALIDATE_H
#define XRAT_VALIDATE_H
/* Pure checks over the merged config: structure (XR4xx) from the key table, references and semantics (XR5xx), what the
 * target lacks (XR6xx). Reports everything, stops at nothing. */
#include "model/model.h"

/* 0 and *ret_checked when the sink holds no error after it, else 1. */
int validate(struct arena *a, struct diag_sink *sink, const struct merged *merged, struct checked *ret_checked);

/* The parts, for their own tests. */
void validate_structure(struct arena *a, struct diag_sink *sink, const struct xconf *x);
void validate_semantics(struct arena *a, struct diag_sink *sink, const struct xconf *x);

#endif
