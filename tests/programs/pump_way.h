#ifndef XRAT_TESTS_PUMP_WAY_H
#define XRAT_TESTS_PUMP_WAY_H
/* The way of pump.c through a proxy: connects, logs in, asks for 127.0.0.1 or localhost. Blocking. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static inline bool read_whole(int fd, void *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t r = recv(fd, (char *)p + at, n - at, 0);

		if (r <= 0)
			return false;
		at += (size_t)r;
	}
	return true;
}

static inline int connect_to(const char *where)
{
	static const int on = 1;
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	const char *colon = strrchr(where, ':');
	char host[64] = "";
	bool is_path = *where == '/' || *where == '@';
	socklen_t len = sizeof(in);
	int fd;

	if (is_path) {
		memcpy(un.sun_path, where, strnlen(where, sizeof(un.sun_path) - 1));
		len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(un.sun_path) + (*where == '/'));
		if (*where == '@')
			un.sun_path[0] = 0;
	} else if (colon && colon - where < (ptrdiff_t)sizeof(host)) {
		memcpy(host, where, (size_t)(colon - where));
		in.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
		inet_pton(AF_INET, host, &in.sin_addr);
	}
	fd = socket(is_path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, is_path ? (struct sockaddr *)&un : (struct sockaddr *)&in, len))
		return -1;
	if (!is_path)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

/* Sends and wants exactly the answer's first bytes; 0 or -1. */
static inline int ask(int fd, const void *p, size_t n, size_t answer, const char *want, size_t n_want)
{
	char got[64];

	if (send(fd, p, n, MSG_NOSIGNAL) != (ssize_t)n || !read_whole(fd, got, answer))
		return -1;
	return memcmp(got, want, n_want) ? -1 : 0;
}

static inline int via_socks4(int fd, uint16_t port, bool by_name)
{
	char b[64] = { 4, 1, (char)(port >> 8), (char)port, 0, 0, 0, 1, 'm', 'e', 0, 'l', 'o', 'c', 'a', 'l', 'h', 'o', 's', 't', 0 };

	if (!by_name)
		memcpy(b + 4, "\x7f\0\0\1", 4);
	return ask(fd, b, by_name ? 21 : 11, 8, "\0\x5a", 2);
}

static inline int via_socks5(int fd, uint16_t port, bool by_name, const char *login)
{
	const char *colon = login ? strchr(login, ':') : NULL;
	char b[600] = { 5, 1, colon ? 2 : 0 }, name[] = "\3\11localhost", ip[] = "\1\x7f\0\0\1";
	size_t n = by_name ? sizeof(name) - 1 : sizeof(ip) - 1;

	if (ask(fd, b, 3, 2, colon ? "\5\2" : "\5", 2))
		return -1;
	if (colon) {
		n = (size_t)snprintf(b, sizeof(b), "\1%c%.*s%c%s", (int)(colon - login), (int)(colon - login), login,
				     (int)strlen(colon + 1), colon + 1);
		if (ask(fd, b, n, 2, "\1", 2))
			return -1;
		n = by_name ? sizeof(name) - 1 : sizeof(ip) - 1;
	}
	memcpy(b, "\5\1", 3);
	memcpy(b + 3, by_name ? name : ip, n);
	b[3 + n] = (char)(port >> 8);
	b[4 + n] = (char)port;
	return ask(fd, b, 5 + n, 10, "\5", 2);
}

static inline void base64(const char *from, char *to)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = strlen(from);

	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)(from[i] << 16) | (unsigned)(i + 1 < n ? from[i + 1] << 8 : 0) |
			     (unsigned)(i + 2 < n ? from[i + 2] : 0);

		for (int k = 18; k >= 0; k -= 6)
			*to++ = k / 6 < 2 && i + (size_t)(3 - k / 6) > n ? '=' : digits[v >> k & 63];
	}
	*to = 0;
}

static inline int via_http(int fd, uint16_t port, const char *login)
{
	char b[800], code[400] = "", c;
	int n;

	if (login)
		base64(login, code);
	n = snprintf(b, sizeof(b), "CONNECT 127.0.0.1:%u HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s%s%s\r\n", port, port,
		     login ? "Proxy-Authorization: Basic " : "", code, login ? "\r\n" : "");
	if (ask(fd, b, (size_t)n, 12, "HTTP/1.1 200", 12))
		return -1;
	for (n = 0; n < 4;) { /* until an empty line */
		if (!read_whole(fd, &c, 1))
			return -1;
		n = c == "\r\n\r\n"[n] ? n + 1 : c == '\r';
	}
	return 0;
}

static inline int go_through(int fd, const char *via, uint16_t port)
{
	const char *login = strchr(via, ':');
	size_t n = login ? (size_t)(login - via) : strlen(via);
	bool by_name = n && (via[n - 1] == 'a' || via[n - 1] == 'h');

	if (*via == 'd')
		return 0;
	if (*via == 'h')
		return via_http(fd, port, login ? login + 1 : NULL);
	return via[5] == '4' ? via_socks4(fd, port, by_name) : via_socks5(fd, port, by_name, login ? login + 1 : NULL);
}

#endif
