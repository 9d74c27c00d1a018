/* One request through libcurl's multi interface, so that `abort` is asked several times a second while nothing comes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fetch/fetch_impl.h"

enum { POLL_MS = 100, ENOUGH_BYTES = 64 * 1024 };

static bool is_kept(const struct fetch_transfer *t)
{
	return t->keep_body && t->status >= 200 && t->status < 300;
}

/* Bodies of redirects and faults are read over, but not for long. */
static size_t on_body(char *p, size_t size, size_t n, void *data)
{
	struct fetch_transfer *t = data;
	size_t len = size * n;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->status);
	t->seen_bytes += len;
	if (!is_kept(t)) {
		t->enough = t->seen_bytes > (t->max_bytes < ENOUGH_BYTES ? t->max_bytes : ENOUGH_BYTES);
		return t->enough ? 0 : len;
	}
	t->too_big = t->seen_bytes > t->max_bytes;
	if (t->too_big)
		return 0;
	buf_add(&t->body, p, len);
	return t->body.failed ? 0 : len;
}

static size_t on_header(char *p, size_t size, size_t n, void *data)
{
	struct fetch_transfer *t = data;

	t->header_bytes += size * n;
	if (t->header_bytes > FETCH_MAX_HEADERS) {
		t->too_big = true;
		return 0;
	}
	header_take(t, str_trim((struct str){ p, size * n }));
	return size * n;
}

static curl_socket_t on_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)data;
	(void)purpose;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static CURLcode set_security(CURL *c, const struct fetch_options *o)
{
	CURLcode r = curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);

	r = r ? r : curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	r = r ? r : curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	r = r ? r : curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	r = r ? r : curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	if (!o->ca_file)
		return r;
	r = r ? r : curl_easy_setopt(c, CURLOPT_CAINFO, o->ca_file);
	return r ? r : curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
}

/* An empty proxy is one that the environment cannot replace. */
static CURLcode set_proxy(CURL *c, const struct fetch_options *o)
{
	CURLcode r = CURLE_OK;

	if (o->proxy || !o->env_proxy)
		r = curl_easy_setopt(c, CURLOPT_PROXY, o->proxy ? o->proxy : "");
	if (o->proxy)
		r = r ? r : curl_easy_setopt(c, CURLOPT_NOPROXY, "");
	return r ? r : curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

static CURLcode set_callbacks(struct fetch_transfer *t)
{
	CURLcode r = curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);

	r = r ? r : curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, (void *)t);
	r = r ? r : curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
	r = r ? r : curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, (void *)t);
	r = r ? r : curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	return r ? r : curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->error);
}

/* QUICK_EXIT: a name that is still being looked up keeps nobody waiting at the end. */
static CURLcode set_plain(struct fetch_transfer *t)
{
	const char *agent = t->o->user_agent ? t->o->user_agent : "xrat/" XRAT_VERSION;
	CURLcode r = curl_easy_setopt(t->easy, CURLOPT_USERAGENT, agent);

	r = r ? r : curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
	r = r ? r : curl_easy_setopt(t->easy, CURLOPT_QUICK_EXIT, 1L);
	r = r ? r : curl_easy_setopt(t->easy, CURLOPT_ACCEPT_ENCODING, "");
	return r ? r : curl_easy_setopt(t->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)t->max_bytes);
}

enum fetch_outcome transfer_init(struct fetch_transfer *t, const struct fetch_options *o, size_t max_bytes)
{
	*t = (struct fetch_transfer){ .o = o, .max_bytes = max_bytes };
	t->easy = curl_easy_init();
	t->multi = curl_multi_init();
	if (!t->easy || !t->multi || set_security(t->easy, o) || set_proxy(t->easy, o) || set_callbacks(t) ||
	    set_plain(t))
		return FETCH_SYSTEM;
	return FETCH_OK;
}

void transfer_fini(struct fetch_transfer *t)
{
	curl_easy_cleanup(t->easy);
	curl_multi_cleanup(t->multi);
	curl_slist_free_all(t->headers);
	free(t->disposition);
	buf_fini(&t->body);
}

static bool add_header(struct fetch_transfer *t, const char *name, const char *value)
{
	struct buf line = { 0 };
	struct curl_slist *more;

	if (!value)
		return true;
	buf_printf(&line, "%s: %s", name, value);
	buf_putc(&line, '\0');
	more = line.failed ? NULL : curl_slist_append(t->headers, line.p);
	buf_fini(&line);
	if (more)
		t->headers = more;
	return more != NULL;
}

/* What belongs to the origin that the caller named and to no other. */
static bool set_own(struct fetch_transfer *t, const struct fetch_target *to, bool own_origin)
{
	curl_slist_free_all(t->headers);
	t->headers = NULL;
	if (own_origin && (!add_header(t, "If-None-Match", t->o->etag) ||
			   !add_header(t, "If-Modified-Since", t->o->last_modified)))
		return false;
	return !curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers) &&
		!curl_easy_setopt(t->easy, CURLOPT_USERNAME, own_origin ? to->user : NULL) &&
		!curl_easy_setopt(t->easy, CURLOPT_PASSWORD, own_origin ? to->password : NULL);
}

static const struct {
	CURLcode code;
	enum fetch_outcome outcome;
} outcomes[] = {
	{ CURLE_OK, FETCH_OK },
	{ CURLE_URL_MALFORMAT, FETCH_BAD_URL },
	{ CURLE_COULDNT_RESOLVE_HOST, FETCH_DNS },
	{ CURLE_COULDNT_RESOLVE_PROXY, FETCH_PROXY },
	{ CURLE_PROXY, FETCH_PROXY },
	{ CURLE_COULDNT_CONNECT, FETCH_REFUSED },
	{ CURLE_OPERATION_TIMEDOUT, FETCH_TIMEOUT },
	{ CURLE_FILESIZE_EXCEEDED, FETCH_TOO_BIG },
	{ CURLE_SSL_CONNECT_ERROR, FETCH_TLS },
	{ CURLE_PEER_FAILED_VERIFICATION, FETCH_TLS },
	{ CURLE_SSL_CERTPROBLEM, FETCH_TLS },
	{ CURLE_SSL_CIPHER, FETCH_TLS },
	{ CURLE_SSL_ISSUER_ERROR, FETCH_TLS },
	{ CURLE_SSL_CACERT_BADFILE, FETCH_TLS },
	{ CURLE_SSL_INVALIDCERTSTATUS, FETCH_TLS },
	{ CURLE_OUT_OF_MEMORY, FETCH_SYSTEM },
	{ CURLE_FAILED_INIT, FETCH_SYSTEM },
	{ CURLE_NOT_BUILT_IN, FETCH_SYSTEM },
};

/* A proxy that answers CONNECT with anything but 200, or that nobody can reach. */
static bool is_proxy_fault(const struct fetch_transfer *t, CURLcode code)
{
	long connect_code = 0;

	curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &connect_code);
	return t->o->proxy && (code == CURLE_COULDNT_CONNECT || (connect_code && connect_code / 100 != 2));
}

static enum fetch_outcome outcome_of(struct fetch_transfer *t, CURLcode code)
{
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->status);
	if (t->too_big)
		return FETCH_TOO_BIG;
	if (t->body.failed)
		return FETCH_SYSTEM;
	if (t->enough && code == CURLE_WRITE_ERROR)
		return FETCH_OK;
	if (is_proxy_fault(t, code))
		return FETCH_PROXY;
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(*outcomes); i++)
		if (outcomes[i].code == code)
			return outcomes[i].outcome;
	return FETCH_BROKEN;
}

static enum fetch_outcome result_of(struct fetch_transfer *t)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(t->multi, &left)))
		if (m->msg == CURLMSG_DONE)
			return outcome_of(t, m->data.result);
	return FETCH_SYSTEM;
}

static enum fetch_outcome drive(struct fetch_transfer *t)
{
	int running = 1;

	for (;;) {
		if (curl_multi_perform(t->multi, &running))
			return FETCH_SYSTEM;
		if (!running)
			return result_of(t);
		if (t->o->abort && t->o->abort(t->o->data))
			return FETCH_ABORTED;
		if (curl_multi_poll(t->multi, NULL, 0, POLL_MS, NULL))
			return FETCH_SYSTEM;
	}
}

enum fetch_outcome transfer_run(struct fetch_transfer *t, const struct fetch_target *to, bool own_origin,
				long timeout_ms)
{
	long connect_ms = t->o->connect_timeout_ms;
	enum fetch_outcome outcome;

	t->body.len = t->seen_bytes = t->header_bytes = 0;
	t->enough = t->too_big = false;
	t->status = 0;
	if (!connect_ms || connect_ms > timeout_ms)
		connect_ms = timeout_ms;
	if (curl_easy_setopt(t->easy, CURLOPT_CURLU, to->url) || !set_own(t, to, own_origin) ||
	    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, timeout_ms) ||
	    curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) || curl_multi_add_handle(t->multi, t->easy))
		return FETCH_SYSTEM;
	outcome = drive(t);
	curl_multi_remove_handle(t->multi, t->easy);
	return outcome;
}
