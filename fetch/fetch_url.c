/* URLs: taken apart for sending, and shown without what may be secret. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fetch/fetch_impl.h"

static char *part(CURLU *url, CURLUPart what, unsigned flags)
{
	char *text = NULL, *copy;

	if (curl_url_get(url, what, &text, flags))
		return NULL;
	copy = strdup(text);
	curl_free(text);
	return copy;
}

/* User information, tokens: nothing of it stays behind. NULL is fine. */
static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

/* "https://host:443"; NULL when the URL is not http(s). */
static char *origin_of(CURLU *url)
{
	char *scheme = part(url, CURLUPART_SCHEME, 0), *host = part(url, CURLUPART_HOST, 0);
	char *port = part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT), *origin = NULL;
	bool known = scheme && (str_is_nocase(str_of(scheme), "http") || str_is_nocase(str_of(scheme), "https"));

	if (known && host && *host && port && asprintf(&origin, "%s://%s:%s", scheme, host, port) < 0)
		origin = NULL;
	free(scheme);
	free(host);
	free(port);
	return origin;
}

enum fetch_outcome fetch_target_init(struct fetch_target *t, const char *url)
{
	*t = (struct fetch_target){ .url = curl_url() };
	if (!t->url)
		return FETCH_SYSTEM;
	if (curl_url_set(t->url, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME))
		return FETCH_BAD_URL;
	t->origin = origin_of(t->url);
	if (!t->origin)
		return FETCH_BAD_URL;
	t->secure = str_starts_nocase(str_of(t->origin), "https:");
	t->user = part(t->url, CURLUPART_USER, CURLU_URLDECODE);
	t->password = part(t->url, CURLUPART_PASSWORD, CURLU_URLDECODE);
	if (curl_url_set(t->url, CURLUPART_USER, NULL, 0) || curl_url_set(t->url, CURLUPART_PASSWORD, NULL, 0))
		return FETCH_SYSTEM;
	return FETCH_OK;
}

void fetch_target_fini(struct fetch_target *t)
{
	curl_url_cleanup(t->url);
	free(t->origin);
	wipe(t->user);
	wipe(t->password);
	*t = (struct fetch_target){ 0 };
}

/* Paths of subscriptions hold tokens as often as queries do. */
char *fetch_url_shown(const char *url)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL, *port = NULL, *path = NULL, *query = NULL, *shown = NULL;

	if (u && !curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME)) {
		scheme = part(u, CURLUPART_SCHEME, 0);
		host = part(u, CURLUPART_HOST, 0);
		port = part(u, CURLUPART_PORT, 0);
		path = part(u, CURLUPART_PATH, 0);
		query = part(u, CURLUPART_QUERY, 0);
	}
	bool more = (path && path[0] && path[1]) || query;
	if (!scheme || !host)
		shown = strdup("the URL");
	else if (asprintf(&shown, "%s://%s%s%s/%s", scheme, host, port ? ":" : "", port ? port : "", more ? "..." : "") < 0)
		shown = NULL;
	free(scheme);
	free(host);
	free(port);
	wipe(path);
	wipe(query);
	curl_url_cleanup(u);
	return shown;
}

char *fetch_local_proxy(const char *user, const char *password, unsigned port)
{
	char *proxy;
	bool has = *user;

	return asprintf(&proxy, "socks5h://%s%s%s%s127.0.0.1:%u", user, has ? ":" : "", has ? password : "", has ? "@" : "", port) < 0 ?
		NULL : proxy;
}
