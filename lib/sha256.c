/* SHA-256 through libmd: OpenSSL would cost a millisecond a process. */
#include "lib/sha256.h"

#include <sys/types.h>
#include <sha2.h>

#include <assert.h>

void sha256_hex(struct str s, unsigned n_bytes, char *ret_hex)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[SHA256_DIGEST_LENGTH];
	SHA2_CTX ctx;

	assert(n_bytes <= sizeof(digest));
	SHA256Init(&ctx);
	SHA256Update(&ctx, (const uint8_t *)s.p, s.len);
	SHA256Final(digest, &ctx);
	for (unsigned i = 0; i < n_bytes; i++) {
		*ret_hex++ = digits[digest[i] >> 4];
		*ret_hex++ = digits[digest[i] & 15];
	}
	*ret_hex = 0;
}
