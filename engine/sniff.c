/* The sniffers together: which protocols are still possible. */
#include "engine/sniff.h"

#include <stdlib.h>

#include "engine/sniff_impl.h"

struct sniff_scratch *sniff_scratch_new(void)
{
	return calloc(1, sizeof(struct sniff_scratch));
}

void sniff_scratch_free(struct sniff_scratch *s)
{
	if (!s)
		return;
	sniff_crypto_free(s->crypto);
	free(s);
}

static enum sniff_verdict tcp_tls(struct sniff_scratch *s, struct str bytes, struct sniffed *ret)
{
	(void)s;
	return sniff_tls(bytes, ret);
}

static enum sniff_verdict tcp_bittorrent(struct sniff_scratch *s, struct str bytes, struct sniffed *ret)
{
	(void)s;
	return sniff_bittorrent(bytes, ret);
}

enum sniff_verdict sniff_tcp(struct sniff_scratch *s, struct str bytes, unsigned *mask, struct sniffed *ret)
{
	static enum sniff_verdict (*const ask[])(struct sniff_scratch *, struct str, struct sniffed *) = {
		[SNIFF_HTTP] = sniff_http, [SNIFF_TLS] = tcp_tls, [SNIFF_BITTORRENT] = tcp_bittorrent,
	};
	enum { N = sizeof(ask) / sizeof(*ask) };
	struct sniffed found;
	enum sniff_verdict v;

	*ret = (struct sniffed){ 0 };
	*mask &= (1u << N) - 1;
	for (unsigned kind = 0; kind < N; kind++) {
		if (!(*mask & 1u << kind))
			continue;
		v = ask[kind](s, bytes, &found);
		if (v == SNIFF_NO)
			*mask &= ~(1u << kind);
		if (found.protocol)
			*ret = found;
		if (v == SNIFF_YES) {
			*mask = 1u << kind;
			return SNIFF_YES;
		}
	}
	return *mask ? SNIFF_MORE : SNIFF_NO;
}

enum sniff_verdict sniff_udp(struct sniff_scratch *s, struct sniff_quic **state, struct str datagram, unsigned *mask,
			     struct sniffed *ret)
{
	const unsigned quic = 1u << SNIFF_QUIC, utp = 1u << SNIFF_UTP;
	enum sniff_verdict v;

	*ret = (struct sniffed){ 0 };
	*mask &= quic | utp;
	if (!datagram.len)
		return *mask ? SNIFF_MORE : SNIFF_NO;
	if (*mask & utp && sniff_utp(datagram, ret) == SNIFF_YES) {
		*mask = utp;
		return SNIFF_YES;
	}
	*mask &= quic;
	if (!*mask)
		return SNIFF_NO;
	v = sniff_quic(s, state, datagram, ret);
	if (v == SNIFF_NO)
		*mask = 0;
	return v;
}
