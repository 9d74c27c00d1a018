/* BitTorrent: the handshake of a peer (BEP 3) and the SYN of its transport over UDP (BEP 29). */
#include "engine/sniff.h"

enum sniff_verdict sniff_bittorrent(struct str bytes, struct sniffed *ret)
{
	static const char begin[] = "\x13" "BitTorrent protocol";
	const size_t len = sizeof(begin) - 1;

	*ret = (struct sniffed){ 0 };
	if (bytes.len && memcmp(bytes.p, begin, bytes.len < len ? bytes.len : len) != 0)
		return SNIFF_NO;
	if (bytes.len < len)
		return SNIFF_MORE;
	ret->protocol = "bittorrent";
	return SNIFF_YES;
}

/* One extension of a SYN: the type of the next, its own length, its data. */
static bool skip_extension(struct wire *w, uint8_t *type)
{
	enum { SELECTIVE_ACK = 1, BITS = 2 };
	uint8_t next = wire_u8(w), len = wire_u8(w);
	bool is_known = *type == SELECTIVE_ACK ? len && len % 4 == 0 : *type == BITS && len == 8;

	wire_take(w, len);
	*type = next;
	return is_known && !w->failed;
}

/* A header of 20 bytes: type and version, first extension, connection id (2), time stamp (4), its difference to the peer's (4),
 * window (4), sequence number (2), acknowledgement (2); then the extensions. Type and version alone would take one datagram of
 * DNS in 13,000 for uTP, so what only a SYN has counts: there is no difference yet, and no payload. */
enum sniff_verdict sniff_utp(struct str datagram, struct sniffed *ret)
{
	enum { SYN_VERSION_1 = 0x41 };
	struct wire w = wire_of(datagram);
	uint8_t first = wire_u8(&w), extension = wire_u8(&w);
	uint32_t difference;

	*ret = (struct sniffed){ 0 };
	wire_take(&w, 2 + 4);
	difference = wire_u32(&w);
	wire_take(&w, 4 + 2 + 2);
	if (first != SYN_VERSION_1 || difference)
		return SNIFF_NO;
	while (extension)
		if (!skip_extension(&w, &extension))
			return SNIFF_NO;
	if (w.failed || w.at != w.len)
		return SNIFF_NO;
	ret->protocol = "bittorrent";
	return SNIFF_YES;
}
