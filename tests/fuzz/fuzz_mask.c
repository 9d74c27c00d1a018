/* link: service apply runtime compiler merge validate render links model lib */
/* Masking of any text as any form: what comes out is clean of every secret it taught, so that no text can make a bundle
 * fail, and of one that was known before, wherever the text has it. */
#include <stdlib.h>
#include <string.h>

#include "service/mask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool resolve(void *ctx, bool is_file, const char *ref, struct str *ret_value)
{
	(void)ctx;
	*ret_value = str_of(ref);
	return is_file;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct mask *m;
	struct mask_ranges ranges = { 0 };
	struct buf out = { 0 };
	struct str text;

	if (!size || !a) {
		arena_free(a);
		return 0;
	}
	m = mask_new(a, resolve, NULL);
	text = (struct str){ arena_memdup(a, data + 1, size - 1), size - 1 };
	mask_secret(m, STR("canary/\"1\" +"));
	mask_learn(m, text, (enum mask_form)(data[0] % MASK_FORM__N), &ranges);
	if (mask_apply(m, text, &ranges, &out) || mask_verify(m, (struct str){ out.p ? out.p : "", out.len }))
		abort();
	if (out.len && memmem(out.p, out.len, "canary/\"1\" +", 12))
		abort();
	mask_ranges_fini(&ranges);
	buf_fini(&out);
	mask_free(m);
	arena_free(a);
	return 0;
}
