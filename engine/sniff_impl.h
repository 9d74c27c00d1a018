#ifndef XRAT_ENGINE_SNIFF_IMPL_H
#define XRAT_ENGINE_SNIFF_IMPL_H
/* Inside the sniffers. */
#include "engine/sniff.h"

struct sniff_crypto;
struct sniff_scratch {
	struct route_attr attrs[SNIFF_ATTRS_MAX];
	struct sniff_crypto *crypto; /* NULL until the first QUIC Initial */
};

/* --- sniff_crypto.c: the packet protection of QUIC Initials (RFC 9001 5) --- */
enum { SNIFF_CID_MAX = 20, SNIFF_SAMPLE = 16, SNIFF_TAG = 16, SNIFF_PACKET_MAX = 65536 };
struct sniff_keys {
	uint8_t key[16], iv[12], hp[16];
};
/* What libcrypto needs, made once; NULL when that fails. */
struct sniff_crypto *sniff_crypto_new(void);
void sniff_crypto_free(struct sniff_crypto *c);
/* A version of QUIC as far as its Initials go. */
struct sniff_version {
	uint32_t number;
	uint8_t initial_type; /* the two bits of the first byte; the other types follow in order */
	uint8_t salt[20];
	struct str key, iv, hp; /* labels */
};
/* The client's Initial keys for a connection id. 0 or -EIO. */
int sniff_crypto_keys(struct sniff_crypto *c, const struct sniff_version *v, struct str dcid, struct sniff_keys *ret);
/* Opens a packet of at most SNIFF_PACKET_MAX bytes whose packet number is at number_at, with a sample and a tag behind it.
 * *ret lives until the next call. 0, or -EBADMSG: it was not sealed with these keys. */
int sniff_crypto_open(struct sniff_crypto *c, const struct sniff_keys *k, struct str packet, size_t number_at, struct str *ret);

#endif
