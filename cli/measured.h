#ifndef XRAT_CLI_MEASURED_H
#define XRAT_CLI_MEASURED_H
/* What `test` has measured, and how it is shown. */
#include "cli/nodes.h"

struct measured_attempt {
	bool tcp_ok, delay_ok;
	int64_t tcp_ms, delay_ms;
};
struct measured_node {
	int64_t id;
	char ref[STORE_REF_TEXT];
	const char *name, *protocol, *address;
	int port;
	struct node node;
	struct measured_attempt *attempts;
	unsigned n_attempts;  /* so far */
	bool tcp_run, delay_run;
	int http_status;      /* of the last one */
	enum store_failure failure; /* of the last one that failed */
	const char *reason;
};
struct measured {
	struct nodes_base nb;
	struct measured_node *v; /* by id, once it runs */
	size_t n;
	unsigned cap;
	unsigned n_attempts;  /* of each node */
};
void measured_add(struct measured *m, struct measured_node *n, const struct store_test *test);
/* The table, or the document. EXIT_DONE or told. */
int measured_show(struct measured *m, int64_t run_id);
/* By id, for qsort. */
int measured_compare(const void *a, const void *b);

#endif
