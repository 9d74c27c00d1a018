/* One timed request. */
#include "fetch/fetch_impl.h"

/* libcurl says 0 for what was not reached. */
static double ms_of(const struct fetch_transfer *t, CURLINFO what)
{
	curl_off_t us = 0;

	curl_easy_getinfo(t->easy, what, &us);
	return us ? (double)us / 1000 : -1;
}

static void measure(const struct fetch_transfer *t, struct fetch_probe_result *ret)
{
	ret->status = t->status;
	ret->connect_ms = ms_of(t, CURLINFO_CONNECT_TIME_T);
	ret->tls_ms = ms_of(t, CURLINFO_APPCONNECT_TIME_T);
	ret->first_byte_ms = t->status ? ms_of(t, CURLINFO_STARTTRANSFER_TIME_T) : -1;
	ret->total_ms = ms_of(t, CURLINFO_TOTAL_TIME_T);
}

int fetch_probe(const char *url, const struct fetch_options *o, struct fetch_probe_result *ret, struct err *e)
{
	struct fetch_options own = *o;
	struct fetch_transfer t;
	struct fetch_target to = { 0 };

	*ret = (struct fetch_probe_result){ .connect_ms = -1, .tls_ms = -1, .first_byte_ms = -1, .total_ms = -1 };
	own.etag = own.last_modified = NULL;
	ret->outcome = transfer_init(&t, &own, o->max_bytes ? o->max_bytes : PROBE_MAX_BYTES);
	if (!ret->outcome) /* what a body declares to be does not matter: it is not read to its end */
		ret->outcome = curl_easy_setopt(t.easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)0) ? FETCH_SYSTEM :
											       fetch_target_init(&to, url);
	if (!ret->outcome) {
		ret->outcome = transfer_run(&t, &to, true, o->timeout_ms ? o->timeout_ms : FETCH_TIMEOUT_MS);
		measure(&t, ret);
	}
	fetch_target_fini(&to);
	transfer_fini(&t);
	return fetch_explain(ret->outcome, ret->status, o, url, e);
}

bool fetch_probe_is_good(const struct fetch_probe_result *r)
{
	return r->outcome == FETCH_OK && r->status >= 200 && r->status < 300;
}
