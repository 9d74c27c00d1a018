#ifndef XRAT_STORE_TESTS_H
#define XRAT_STORE_TESTS_H
/* Results of tests. One row is one attempt at one node; a run holds the attempts of one command or tick. */
#include "store/base.h"

enum { STORE_TESTS_KEEP = 20, STORE_TESTS_DAYS = 30 };
enum store_stage { STORE_NOT_RUN, STORE_FAILED, STORE_OK };
enum store_failure { STORE_F_NONE, STORE_F_DNS, STORE_F_TIMEOUT, STORE_F_REFUSED, STORE_F_UNREACHABLE,
	STORE_F_PERMISSION_DENIED, STORE_F_TLS, STORE_F_AUTH, STORE_F_PROCESS, STORE_F_PROXY, STORE_F_UNKNOWN, STORE_F__N };
extern const char *const store_failure_names[]; /* "", "dns", "timeout", "refused", … */

struct store_test {
	int64_t run_id, node_id;
	int attempt;                  /* from 1 */
	enum store_stage tcp, real_delay;
	int64_t tcp_ms, real_delay_ms; /* meaningful with STORE_OK */
	int64_t connect_ms, ttfb_ms;  /* 0 = not measured, as below */
	int http_status;
	double download_mbps, upload_mbps;
	enum store_failure failure;
	const char *failure_reason;   /* NULL = none */
	int64_t tested_at;
};

/* kind: "test", "rotation", "health"… At every 16th what is beyond STORE_TESTS_KEEP attempts of a node and STORE_TESTS_DAYS is dropped. */
int store_run_begin(struct store *s, const char *kind, int64_t now_ms, int64_t *ret_run_id, struct err *e);
/* All in one transaction; attempts at nodes that are gone are dropped. Call it per node or per hundred: progress that
 * was shown is then kept when the test is cut off. */
int store_tests_add(struct store *s, const struct store_test *tests, size_t n, struct err *e);
/* The newest attempt by tested_at. 0: in the arena; STORE_MISSING. */
int store_test_latest(struct store *s, struct arena *a, int64_t node_id, struct store_test *ret_test, struct err *e);

struct store_delays {
	int64_t *ms; /* real_delay_ms of the attempts that passed, ascending: the p-th percentile is ms[(n * p + 99) / 100 - 1] */
	size_t n;
	size_t n_attempts; /* with a real delay run, passed or not */
};
/* Input for percentiles: attempts at node_id (0 = all) of run_id (0 = all) at or after since_ms. */
int store_delays(struct store *s, struct arena *a, int64_t node_id, int64_t run_id, int64_t since_ms,
		 struct store_delays *ret_delays, struct err *e);
/* Keeps the newest `keep` attempts of each node and of these what is not before before_ms (the newest one of a node stays
 * anyway); *ret_n were dropped (may be NULL). */
int store_tests_prune(struct store *s, int64_t keep, int64_t before_ms, int64_t *ret_n, struct err *e);

#endif
