/* link: links model lib */
/* Any text as a share link: no crash, and what is read survives writing and reading again. The first byte picks a form
 * when it is below 32 (16 more: lenient), so that each scheme is met often; any other byte is the begin of a link. */
#include <stdlib.h>
#include <string.h>

#include "links/links.h"

static const char *const forms[16] = { "vless://", "vmess://", "trojan://", "ss://", "socks://", "socks5://", "http://",
	"https://", "hysteria2://", "hy2://", "wireguard://", "" };
enum { RAW = 11, VMESS_JSON = 12, SS_LEGACY = 13, SS_USER = 14, VLESS_QUERY = 15 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_form(struct buf *link, unsigned form, struct str rest)
{
	if (form == VLESS_QUERY) {
		buf_puts(link, "vless://00000000-0000-4000-8000-000000000000@a:1?");
	} else if (form >= VMESS_JSON) {
		buf_puts(link, form == VMESS_JSON ? "vmess://" : "ss://");
		base64_encode(link, rest);
		buf_puts(link, form == SS_USER ? "@a:1" : "");
		return;
	} else {
		buf_puts(link, forms[form]);
	}
	buf_add(link, rest.p, rest.len);
}

static int parse(struct arena *a, struct str text, bool lenient, struct node *ret_node)
{
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);
	uint32_t src = sources_add(sources, "link", text.p, (uint32_t)text.len);
	struct span at = { src, 0, (uint32_t)text.len };
	int rc = link_parse_with(a, sink, text, at, &(struct link_options){ .lenient = lenient }, ret_node);

	if ((rc == 0) == (diag_count(sink, SEV_ERROR) > 0))
		abort();
	return rc;
}

static void check(struct arena *a, struct str text, bool lenient)
{
	struct node one, two;
	char *first, *second;

	if (parse(a, text, lenient, &one))
		return;
	first = link_write(a, &one);
	if (first && strlen(first) > LINK_MAX_BYTES)
		return;
	if (!first || parse(a, str_of(first), lenient, &two))
		abort();
	second = link_write(a, &two);
	if (!second || strcmp(first, second))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct buf link = { 0 };
	unsigned form = RAW, skip = 0;

	if (size && data[0] < 32) {
		form = data[0] % 16;
		skip = 1;
	}
	put_form(&link, form, (struct str){ (const char *)data + skip, size - skip });
	check(a, (struct str){ arena_memdup(a, link.p, link.len), link.len }, skip && data[0] >= 16);
	buf_fini(&link);
	arena_free(a);
	return 0;
}
