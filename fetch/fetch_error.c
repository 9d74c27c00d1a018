/* Outcomes in words. */
#include <errno.h>
#include <stdlib.h>

#include "fetch/fetch_impl.h"

static const struct {
	const char *name, *words;
	int code;
} rows[FETCH_OUTCOME__N] = {
	[FETCH_OK] = { "ok", "ok", 0 },
	[FETCH_NOT_MODIFIED] = { "not modified", "not modified", 0 },
	[FETCH_BAD_URL] = { "bad url", "this is not an http or https URL", -EINVAL },
	[FETCH_DNS] = { "dns", "the name of the server cannot be resolved", -EHOSTUNREACH },
	[FETCH_REFUSED] = { "refused", "the server cannot be reached or refused the connection", -ECONNREFUSED },
	[FETCH_TIMEOUT] = { "timeout", "no whole answer in time", -ETIMEDOUT },
	[FETCH_TLS] = { "tls", "the TLS handshake failed or the certificate is not valid for this server", -EPROTO },
	[FETCH_PROXY] = { "proxy", "the proxy refused, or could not reach the server", -ENETUNREACH },
	[FETCH_TOO_BIG] = { "too big", "the answer is too big", -EFBIG },
	[FETCH_REDIRECT] = { "redirect", "the redirects do not end, or lead where they must not", -ELOOP },
	[FETCH_STATUS] = { "http status", "the server answered with a fault", -EBADMSG },
	[FETCH_BROKEN] = { "broken", "the answer is cut short or is not HTTP", -EIO },
	[FETCH_ABORTED] = { "aborted", "stopped on request", -ECANCELED },
	[FETCH_SYSTEM] = { "system", "out of memory, or libcurl cannot work here", -ENOMEM },
};

const char *fetch_outcome_name(enum fetch_outcome o)
{
	return o < FETCH_OUTCOME__N ? rows[o].name : "unknown";
}

/* The figure that makes an outcome worth reading. */
static void put_figure(enum fetch_outcome outcome, long status, const struct fetch_options *o, struct err *e)
{
	long timeout_ms = o->timeout_ms ? o->timeout_ms : FETCH_TIMEOUT_MS;
	size_t max = o->max_bytes ? o->max_bytes : FETCH_MAX_BYTES;

	if (outcome == FETCH_STATUS)
		err_set(e, rows[outcome].code, "the server answered %ld", status);
	else if (outcome == FETCH_TIMEOUT)
		err_set(e, rows[outcome].code, "no whole answer within %ld ms", timeout_ms);
	else if (outcome == FETCH_TOO_BIG)
		err_set(e, rows[outcome].code, "the answer is larger than %zu bytes", max);
	else
		err_set(e, rows[outcome].code, "%s", rows[outcome].words);
}

int fetch_explain(enum fetch_outcome outcome, long status, const struct fetch_options *o, const char *url,
		  struct err *e)
{
	char *shown;

	if (!rows[outcome].code || !e)
		return rows[outcome].code;
	shown = fetch_url_shown(url);
	put_figure(outcome, status, o, e);
	err_wrap(e, "fetch %s", shown ? shown : "?");
	free(shown);
	return rows[outcome].code;
}
