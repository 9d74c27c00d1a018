#ifndef XRAT_FETCH_FETCH_H
#define XRAT_FETCH_FETCH_H
/* HTTP(S) through libcurl: subscriptions (fetch_get) and single requests that measure (fetch_probe). Blocking calls for
 * worker threads. Thread rules: fetch_init once, before the first thread; then any number of calls at the same time,
 * each with its own arguments; `abort` is asked from the thread of the call, several times a second; nothing is shared
 * and no signal is used. Sockets are close-on-exec from birth, libcurl's own wake-up pipes are not: children are started
 * with everything else closed (runtime/spawn.c does). TLS certificates are always verified. Nothing comes from the environment (proxies, .netrc)
 * unless asked for. Error texts never hold user, password, query or fragment of a URL. */
#include <stdbool.h>

#include "lib/lib.h"

enum { FETCH_MAX_BYTES = 16 * 1024 * 1024, FETCH_TIMEOUT_MS = 10000, FETCH_MAX_REDIRECTS = 10 };

/* libcurl's own initialisation; returns 0 or -ENOMEM. fetch_fini when no call runs any more. */
int fetch_init(void);
void fetch_fini(void);

/* What became of a request; each has plain words of its own (fetch_outcome_name). */
enum fetch_outcome {
	FETCH_OK,           /* a status from 200 to 299 */
	FETCH_NOT_MODIFIED, /* 304: what the caller has is still right */
	FETCH_BAD_URL,      /* not http or https, no host */
	FETCH_DNS,
	FETCH_REFUSED,      /* nobody listens, or the network is not reachable */
	FETCH_TIMEOUT,
	FETCH_TLS,          /* handshake or certificate */
	FETCH_PROXY,        /* the proxy refused, or could not reach the server */
	FETCH_TOO_BIG,
	FETCH_REDIRECT,     /* too many, to another scheme, or from https to http */
	FETCH_STATUS,       /* any other status */
	FETCH_BROKEN,       /* the answer ended early or is not HTTP, bad compression */
	FETCH_ABORTED,      /* the caller's abort said so */
	FETCH_SYSTEM,       /* memory, libcurl */
	FETCH_OUTCOME__N
};
const char *fetch_outcome_name(enum fetch_outcome o); /* "ok", "not modified", "dns", … */

struct fetch_options {
	const char *user_agent;    /* NULL: "xrat/VERSION" */
	const char *proxy;         /* "socks5h://127.0.0.1:1080", "http://…"; NULL: none */
	bool env_proxy;            /* http_proxy and the like count when proxy is NULL */
	const char *ca_file;       /* PEM instead of the system's; NULL: the system's */
	long timeout_ms;           /* of all, redirects included; 0: FETCH_TIMEOUT_MS */
	long connect_timeout_ms;   /* 0: timeout_ms */
	size_t max_bytes;          /* of the body, after decompression; 0: FETCH_MAX_BYTES */
	bool allow_downgrade;      /* a redirect from https to http is followed */
	const char *etag;          /* sent as If-None-Match; NULL: none */
	const char *last_modified; /* sent as If-Modified-Since; NULL: none */
	bool (*abort)(void *data); /* true: stop now; NULL: never */
	void *data;
};

/* Traffic and end of a subscription, in bytes and seconds since 1970. */
struct fetch_userinfo {
	bool set, has_upload, has_download, has_total, has_expire;
	int64_t upload, download, total, expire;
};
struct fetch_result {
	enum fetch_outcome outcome;
	long status;                /* of the last answer, 0 when there was none */
	char *body;                 /* NUL-terminated, may hold NULs; NULL unless FETCH_OK */
	size_t len;
	char *etag, *last_modified; /* as the server wrote them; NULL: none */
	char *title;                /* profile-title (plain or "base64:…"), else the file name of content-disposition */
	char *content_type;
	struct fetch_userinfo userinfo;
	int64_t update_interval_hours; /* profile-update-interval; 0: none */
	unsigned redirects;
};
/* GET of a URL. Redirects are followed (http and https alone, at most FETCH_MAX_REDIRECTS; credentials and conditions are
 * not sent to another host). Headers count from the last answer. 0: FETCH_OK or FETCH_NOT_MODIFIED; negative: -errno,
 * *e says what happened in plain words ("fetch https://host/...: ..."), ret->outcome which kind it was. ret is always
 * written; free it with fetch_result_fini. */
int fetch_get(const char *url, const struct fetch_options *o, struct fetch_result *ret, struct err *e);
void fetch_result_fini(struct fetch_result *r);

/* One request, timed. */
struct fetch_probe_result {
	enum fetch_outcome outcome; /* FETCH_OK for any status: `status` tells */
	long status;
	/* Milliseconds since the start, -1 when not reached. Through a proxy "connect" is the connection to the proxy. */
	double connect_ms, tls_ms, first_byte_ms, total_ms;
};
/* GET of a URL, usually with o->proxy; redirects are not followed and the body is read and dropped (at most max_bytes,
 * 64 KiB when 0). etag and last_modified are not sent. Returns as fetch_get; any status is 0. */
int fetch_probe(const char *url, const struct fetch_options *o, struct fetch_probe_result *ret, struct err *e);
/* What counts as good wherever a probe decides (a session's proof, health, tests): a status of 200 to 299. A redirect is what
 * captive portals and pages of blocked sites answer, so it is none. */
bool fetch_probe_is_good(const struct fetch_probe_result *r);

/* o->proxy of a SOCKS listener on 127.0.0.1, which resolves the names; user "" = it has no account, and both are of letters,
 * digits and '-'. Allocated, and has the password; NULL: no memory. */
char *fetch_local_proxy(const char *user, const char *password, unsigned port);

/* "https://user:pw@host:1/path/TOKEN?x#y" -> "https://host:1/...": for messages and logs. Allocated; NULL: no memory. */
char *fetch_url_shown(const char *url);
/* Reads a subscription-userinfo header's value ("upload=1; download=2; total=3; expire=4"). */
void fetch_userinfo_read(struct str value, struct fetch_userinfo *ret_info);

#endif
