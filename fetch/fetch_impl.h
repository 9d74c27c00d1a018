#ifndef XRAT_FETCH_FETCH_IMPL_H
#define XRAT_FETCH_FETCH_IMPL_H
/* One transfer: what fetch_get repeats for each redirect and fetch_probe does once. */
#include <curl/curl.h>

#include "fetch/fetch.h"

enum { FETCH_MAX_HEADERS = 256 * 1024, FETCH_MAX_LINE = 4096, PROBE_MAX_BYTES = 64 * 1024 };

/* Where a URL points, apart from its path: credentials and conditions go to no other. */
struct fetch_target {
	CURLU *url; /* without user and password */
	char *origin; /* "https://host:443" */
	char *user, *password;
	bool secure;
};
/* FETCH_OK, FETCH_BAD_URL or FETCH_SYSTEM. */
enum fetch_outcome fetch_target_init(struct fetch_target *t, const char *url);
void fetch_target_fini(struct fetch_target *t);

struct fetch_transfer {
	const struct fetch_options *o;
	CURL *easy;
	CURLM *multi;
	struct curl_slist *headers;
	bool keep_body; /* of a 2xx answer */
	size_t max_bytes, seen_bytes, header_bytes;
	bool too_big, enough;
	struct buf body;
	struct fetch_result *ret; /* headers go there; NULL: they are dropped */
	char *disposition;        /* name from content-disposition */
	char error[CURL_ERROR_SIZE];
	long status;
};
/* A handle with everything set that no redirect changes. FETCH_OK or FETCH_SYSTEM. */
enum fetch_outcome transfer_init(struct fetch_transfer *t, const struct fetch_options *o, size_t max_bytes);
void transfer_fini(struct fetch_transfer *t);
/* One request to `to` within timeout_ms. FETCH_OK: an answer came, t->status says which. */
enum fetch_outcome transfer_run(struct fetch_transfer *t, const struct fetch_target *to, bool own_origin,
				long timeout_ms);

/* One header line of an answer, as libcurl hands it over. */
void header_take(struct fetch_transfer *t, struct str line);
/* Forgets the headers of an earlier answer. */
void header_forget(struct fetch_transfer *t);

/* *e: "fetch URL: what happened"; returns -errno, 0 for FETCH_OK and FETCH_NOT_MODIFIED. */
int fetch_explain(enum fetch_outcome outcome, long status, const struct fetch_options *o, const char *url,
		  struct err *e);

#endif
