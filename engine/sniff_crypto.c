/* The packet protection of QUIC Initials (RFC 9001 5): keys from the connection id by HKDF-SHA256, the header under AES-128-ECB,
 * the payload under AES-128-GCM. libcrypto does the work; its objects are looked up once. */
#include <errno.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "engine/sniff_impl.h"

enum { SECRET = 32 }; /* a SHA-256 */
struct sniff_crypto {
	EVP_MAC_CTX *hmac;
	EVP_CIPHER_CTX *ecb, *gcm;
	uint8_t bytes[SNIFF_PACKET_MAX]; /* header without its protection, then the payload */
};

static EVP_MAC_CTX *new_hmac(void)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end() };
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;

	EVP_MAC_free(mac); /* the context holds it */
	if (ctx && !EVP_MAC_CTX_set_params(ctx, params)) {
		EVP_MAC_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static EVP_CIPHER_CTX *new_cipher(const char *name, int encrypts)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	EVP_CIPHER_CTX *ctx = cipher ? EVP_CIPHER_CTX_new() : NULL;

	if (ctx && !EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, encrypts, NULL)) {
		EVP_CIPHER_CTX_free(ctx);
		ctx = NULL;
	}
	EVP_CIPHER_free(cipher);
	return ctx;
}

struct sniff_crypto *sniff_crypto_new(void)
{
	struct sniff_crypto *c = malloc(sizeof(*c));

	if (!c)
		return NULL;
	/* The process may not be allowed to open files any more, and nothing here is to be configured. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
	c->hmac = new_hmac();
	c->ecb = new_cipher("AES-128-ECB", 1);
	c->gcm = new_cipher("AES-128-GCM", 0);
	if (c->hmac && c->ecb && c->gcm)
		return c;
	sniff_crypto_free(c);
	return NULL;
}

void sniff_crypto_free(struct sniff_crypto *c)
{
	if (!c)
		return;
	EVP_MAC_CTX_free(c->hmac);
	EVP_CIPHER_CTX_free(c->ecb);
	EVP_CIPHER_CTX_free(c->gcm);
	free(c);
}

static bool hmac(struct sniff_crypto *c, const uint8_t *key, size_t key_len, struct str text, uint8_t ret[SECRET])
{
	size_t len = 0;

	return EVP_MAC_init(c->hmac, key, key_len, NULL) && EVP_MAC_update(c->hmac, (const uint8_t *)text.p, text.len) &&
	       EVP_MAC_final(c->hmac, ret, &len, SECRET) && len == SECRET;
}

/* HKDF-Expand-Label (RFC 8446 7.1) with no context, of at most one block. */
static bool expand(struct sniff_crypto *c, const uint8_t secret[SECRET], struct str label, uint8_t *ret, uint8_t len)
{
	uint8_t bytes[32], block[SECRET];
	struct wire_out info = { .p = bytes, .cap = sizeof(bytes) };

	wire_put_u16(&info, len);
	wire_put_u8(&info, (uint8_t)(6 + label.len));
	wire_put(&info, "tls13 ", 6);
	wire_put(&info, label.p, label.len);
	wire_put_u8(&info, 0);
	wire_put_u8(&info, 1); /* of HKDF: the first block */
	if (info.failed || !hmac(c, secret, SECRET, (struct str){ (const char *)bytes, info.len }, block))
		return false;
	memcpy(ret, block, len);
	return true;
}

int sniff_crypto_keys(struct sniff_crypto *c, const struct sniff_version *v, struct str dcid, struct sniff_keys *ret)
{
	uint8_t initial[SECRET], client[SECRET];

	if (!hmac(c, v->salt, sizeof(v->salt), dcid, initial) || !expand(c, initial, STR("client in"), client, SECRET) ||
	    !expand(c, client, v->key, ret->key, sizeof(ret->key)) ||
	    !expand(c, client, v->iv, ret->iv, sizeof(ret->iv)) ||
	    !expand(c, client, v->hp, ret->hp, sizeof(ret->hp)))
		return -EIO;
	return 0;
}

/* Copies the header without its protection (RFC 9001 5.4) and makes the nonce; the length of the header, 0 = failed. */
static size_t open_header(struct sniff_crypto *c, const struct sniff_keys *k, struct str packet, size_t number_at,
			  uint8_t nonce[12])
{
	const uint8_t *sample = (const uint8_t *)packet.p + number_at + 4;
	uint8_t mask[SNIFF_SAMPLE];
	size_t number_len;
	int len;

	if (!EVP_CipherInit_ex2(c->ecb, NULL, k->hp, NULL, -1, NULL) ||
	    !EVP_CipherUpdate(c->ecb, mask, &len, sample, SNIFF_SAMPLE) || len != SNIFF_SAMPLE)
		return 0;
	memcpy(c->bytes, packet.p, number_at + 4);
	c->bytes[0] ^= mask[0] & 0x0f;
	number_len = (c->bytes[0] & 3) + 1;
	memcpy(nonce, k->iv, 12);
	for (size_t i = 0; i < number_len; i++) {
		c->bytes[number_at + i] ^= mask[1 + i];
		nonce[12 - number_len + i] ^= c->bytes[number_at + i];
	}
	return number_at + number_len;
}

int sniff_crypto_open(struct sniff_crypto *c, const struct sniff_keys *k, struct str packet, size_t number_at, struct str *ret)
{
	uint8_t nonce[12], tag[SNIFF_TAG];
	size_t header, len;
	uint8_t *plain;
	int n;

	if (packet.len > SNIFF_PACKET_MAX || packet.len < number_at + 4 + SNIFF_SAMPLE)
		return -EBADMSG;
	header = open_header(c, k, packet, number_at, nonce);
	if (!header)
		return -EBADMSG;
	len = packet.len - header - SNIFF_TAG;
	plain = c->bytes + header;
	memcpy(tag, packet.p + header + len, SNIFF_TAG);
	if (!EVP_CipherInit_ex2(c->gcm, NULL, k->key, nonce, -1, NULL) ||
	    !EVP_CipherUpdate(c->gcm, NULL, &n, c->bytes, (int)header) ||
	    !EVP_CipherUpdate(c->gcm, plain, &n, (const uint8_t *)packet.p + header, (int)len) ||
	    EVP_CIPHER_CTX_ctrl(c->gcm, EVP_CTRL_AEAD_SET_TAG, SNIFF_TAG, tag) <= 0 || EVP_CipherFinal_ex(c->gcm, plain + len, &n) <= 0)
		return -EBADMSG;
	*ret = (struct str){ (const char *)plain, len };
	return 0;
}
