/* TOML reader: limits, then toml++ (toml.cc), then its faults as diagnostics. */
#include "lib/toml.h"

#include <string.h>

#include "lib/toml_impl.h"

static int refuse(struct diag_sink *sink, enum diag_code code, struct span at, const char *msg)
{
	diag_add(sink, code, at, "%s", msg);
	return 2;
}

/* Faults of the bytes as a whole. */
static int check_bytes(struct diag_sink *sink, uint32_t src, struct str s)
{
	const char *nul = memchr(s.p, 0, s.len);
	uint32_t at = nul ? (uint32_t)(nul - s.p) : 0;
	size_t bad;

	if (s.len > TOML_MAX_BYTES)
		return refuse(sink, DIAG_XR103, (struct span){ src, 0, 0 },
			      "text is larger than 4 MiB, which is the limit");
	if (s.len >= 2 && (memcmp(s.p, "\xff\xfe", 2) == 0 || memcmp(s.p, "\xfe\xff", 2) == 0))
		return refuse(sink, DIAG_XR104, (struct span){ src, 0, 2 }, "text is UTF-16: save it as UTF-8");
	if (nul)
		return refuse(sink, DIAG_XR105, (struct span){ src, at, at + 1 }, "NUL byte in the text: remove it");
	if (str_is_utf8(s, &bad))
		return 0;
	diag_add(sink, DIAG_XR104, (struct span){ src, (uint32_t)bad, (uint32_t)bad + 1 },
		 "byte 0x%02x is not valid UTF-8: save the file as UTF-8", (unsigned char)s.p[bad]);
	return 2;
}

static uint32_t skip_bom(struct diag_sink *sink, uint32_t src, struct str s)
{
	if (s.len < 3 || memcmp(s.p, "\xef\xbb\xbf", 3) != 0)
		return 0;
	diag_add(sink, DIAG_XR107, (struct span){ src, 0, 3 }, "byte order mark skipped: UTF-8 needs none");
	return 3;
}

static int report(struct diag_sink *sink, uint32_t src, const struct toml_fault *f, const struct toml_shape *shape)
{
	struct diag *d = diag_add(sink, f->code, (struct span){ src, f->begin, f->end }, "%s", f->msg);

	if (f->has_first)
		diag_relate(sink, d, (struct span){ src, f->first_begin, f->first_end }, "it was first defined here");
	if (shape->open_bracket && shape->open_at < f->begin)
		diag_relate(sink, d, (struct span){ src, shape->open_at, shape->open_at + 1 },
			    "this bracket is never closed");
	return 2;
}

int toml_parse(struct arena *a, struct diag_sink *sink, uint32_t src, struct value *ret_value)
{
	const struct source *source = sources_get(diag_sources(sink), src);
	struct str bytes = { source->bytes, source->len };
	int r = check_bytes(sink, src, bytes);
	struct toml_shape shape;
	struct toml_fault fault;
	uint32_t from;

	if (r)
		return r;
	from = skip_bom(sink, src, bytes);
	if (!toml_scan(sink, src, bytes, from, &shape))
		return 2;
	r = toml_convert(a, bytes, from, src, ret_value, &fault);
	return r > 0 ? report(sink, src, &fault, &shape) : r;
}
