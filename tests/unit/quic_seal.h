#ifndef XRAT_TESTS_QUIC_SEAL_H
#define XRAT_TESTS_QUIC_SEAL_H
/* Seals a client's QUIC packets, for tests: the keys come from libcrypto's own HKDF and TLS 1.3 derivation. */
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "engine/wire.h"

enum { QUIC_SEAL_V2 = 0x6b3343cf };
struct quic_seal {
	uint32_t version;
	struct str cid, token;
	uint32_t number;
	uint8_t type, number_len; /* 0 Initial, 1 0-RTT; 1 to 4 */
	uint8_t key[16], iv[12], hp[16];
};

static inline void quic_seal_derive(const char *kdf_name, int mode, struct str salt, struct str secret, const char *label,
				    uint8_t *ret, size_t len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, kdf_name, NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	char digest[] = "SHA256", prefix[] = "tls13 ", name[16];
	OSSL_PARAM p[8];
	unsigned n = 0;

	p[n++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
	p[n++] = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
	p[n++] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret.p, secret.len);
	if (label) {
		strncpy(name, label, sizeof(name) - 1);
		p[n++] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, prefix, 6);
		p[n++] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, name, strlen(label));
	} else {
		p[n++] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt.p, salt.len);
	}
	p[n] = OSSL_PARAM_construct_end();
	if (EVP_KDF_derive(ctx, ret, len, p) <= 0)
		abort();
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

static inline void quic_seal_expand(struct str secret, const char *label, uint8_t *ret, size_t len)
{
	quic_seal_derive("TLS13-KDF", EVP_KDF_HKDF_MODE_EXPAND_ONLY, (struct str){ NULL, 0 }, secret, label, ret, len);
}

/* Sets the keys for the version (1, 2, else draft 29) and the connection id. */
static inline void quic_seal_keys(struct quic_seal *q)
{
	const struct str v1 = STR("\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a");
	const struct str v2 = STR("\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9");
	const struct str draft29 = STR("\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99");
	bool is_v2 = q->version == QUIC_SEAL_V2;
	uint8_t initial[32], client[32];
	struct str secret = { (const char *)client, 32 };

	quic_seal_derive("HKDF", EVP_KDF_HKDF_MODE_EXTRACT_ONLY, q->version == 1 ? v1 : is_v2 ? v2 : draft29, q->cid, NULL, initial, 32);
	quic_seal_expand((struct str){ (const char *)initial, 32 }, "client in", client, 32);
	quic_seal_expand(secret, is_v2 ? "quicv2 key" : "quic key", q->key, sizeof(q->key));
	quic_seal_expand(secret, is_v2 ? "quicv2 iv" : "quic iv", q->iv, sizeof(q->iv));
	quic_seal_expand(secret, is_v2 ? "quicv2 hp" : "quic hp", q->hp, sizeof(q->hp));
}

static inline void quic_seal_varint(struct wire_out *o, size_t n)
{
	if (n < 64)
		wire_put_u8(o, (uint8_t)n);
	else if (n < 16384)
		wire_put_u16(o, (uint16_t)(n | 0x4000));
	else
		wire_put_u32(o, (uint32_t)n | 0x80000000u);
}

static inline void quic_seal_crypto(struct wire_out *o, size_t offset, struct str bytes)
{
	wire_put_u8(o, 6);
	quic_seal_varint(o, offset);
	quic_seal_varint(o, bytes.len);
	wire_put(o, bytes.p, bytes.len);
}

/* The header; the index of the packet number. */
static inline size_t quic_seal_header(const struct quic_seal *q, size_t payload_len, struct wire_out *o)
{
	unsigned type = (q->type + (q->version == QUIC_SEAL_V2)) & 3;
	size_t number_at;

	wire_put_u8(o, (uint8_t)(0xc0 | type << 4 | (q->number_len - 1)));
	wire_put_u32(o, q->version);
	wire_put_u8(o, (uint8_t)q->cid.len);
	wire_put(o, q->cid.p, q->cid.len);
	wire_put_u8(o, 0);
	if (!q->type) {
		quic_seal_varint(o, q->token.len);
		wire_put(o, q->token.p, q->token.len);
	}
	quic_seal_varint(o, q->number_len + payload_len + 16);
	number_at = o->len;
	for (unsigned i = q->number_len; i; i--)
		wire_put_u8(o, (uint8_t)(q->number >> 8 * (i - 1)));
	return number_at;
}

/* Contexts are made once: a fuzz target seals millions of packets. */
static inline EVP_CIPHER_CTX *quic_seal_cipher(bool is_gcm)
{
	static EVP_CIPHER_CTX *made[2];

	if (!made[is_gcm]) {
		EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, is_gcm ? "AES-128-GCM" : "AES-128-ECB", NULL);
		made[is_gcm] = EVP_CIPHER_CTX_new();
		if (!EVP_EncryptInit_ex(made[is_gcm], cipher, NULL, NULL, NULL))
			abort();
		EVP_CIPHER_free(cipher);
	}
	return made[is_gcm];
}

/* Appends a packet with the payload (at least 4 bytes). */
static inline void quic_seal_packet(const struct quic_seal *q, struct str payload, struct wire_out *o)
{
	struct wire_out packet = { .p = o->p + o->len, .cap = o->cap - o->len };
	size_t number_at = quic_seal_header(q, payload.len, &packet), header = packet.len;
	EVP_CIPHER_CTX *gcm = quic_seal_cipher(true), *ecb = quic_seal_cipher(false);
	uint8_t nonce[12], mask[32] = { 0 };
	int n;

	memcpy(nonce, q->iv, 12);
	for (unsigned i = 0; i < 4; i++)
		nonce[8 + i] ^= (uint8_t)(q->number >> 8 * (3 - i));
	wire_put(&packet, payload.p, payload.len);
	wire_put(&packet, mask, 16);
	if (packet.failed || !EVP_EncryptInit_ex(gcm, NULL, NULL, q->key, nonce) ||
	    !EVP_EncryptUpdate(gcm, NULL, &n, packet.p, (int)header) ||
	    !EVP_EncryptUpdate(gcm, packet.p + header, &n, (const uint8_t *)payload.p, (int)payload.len) ||
	    !EVP_EncryptFinal_ex(gcm, mask, &n) ||
	    !EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_GCM_GET_TAG, 16, packet.p + header + payload.len) ||
	    !EVP_EncryptInit_ex(ecb, NULL, NULL, q->hp, NULL) ||
	    !EVP_EncryptUpdate(ecb, mask, &n, packet.p + number_at + 4, 16))
		abort();
	packet.p[0] ^= mask[0] & 0x0f;
	for (unsigned i = 0; i < q->number_len; i++)
		packet.p[number_at + i] ^= mask[1 + i];
	o->len += packet.len;
}

#endif
