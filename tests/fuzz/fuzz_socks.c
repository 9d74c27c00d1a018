/* link: engine route model lib */
/* SOCKS: the first byte says which codec and how the bytes are cut, the rest is what the other side sends. However it is cut,
 * the answers are the same; what is read from a datagram is written again as the same address. */
#include "tests/unit/eng_drive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void server(const uint8_t *p, size_t len, size_t cut, bool wants_password)
{
	struct drive whole = drive_server(p, len, len, 1, wants_password);
	struct drive two = drive_server(p, len, cut, len, wants_password);
	struct drive bytes = drive_server(p, len, 0, 1, wants_password);

	MUST(drive_equal(&whole, &two) && drive_equal(&whole, &bytes));
	MUST(!wants_password || whole.step != SOCKS_REQUEST || strcmp(whole.login, "user") == 0);
}

static void client(const uint8_t *p, size_t len, size_t cut, bool has_password)
{
	struct socks_client c = { .command = len % 2 ? SOCKS_CONNECT : SOCKS_UDP_ASSOCIATE };
	struct addr target;
	struct drive whole, two, bytes;

	MUST(!addr_parse(&target, STR("example.com:443"), -1));
	c.target = &target;
	if (has_password) {
		c.user = STR("user");
		c.password = STR("change-me");
	}
	whole = drive_client(c, p, len, len, 1);
	two = drive_client(c, p, len, cut, len);
	bytes = drive_client(c, p, len, 0, 1);
	MUST(drive_equal(&whole, &two) && drive_equal(&whole, &bytes));
}

static void datagram(const uint8_t *p, size_t len)
{
	struct str block = drive_block(p, len);
	struct addr a, b;
	uint8_t header[SOCKS_UDP_HEADER];
	int used = socks_udp_read(block, &a);

	free((char *)block.p);
	if (used < 0)
		return;
	MUST((size_t)used <= len);
	size_t written = socks_udp_write(&a, header);
	MUST(written <= sizeof(header));
	MUST(socks_udp_read((struct str){ (char *)header, written }, &b) == (int)written);
	MUST(addr_equal(&a, &b) && addr_hash(&a) == addr_hash(&b));
}

static void host(const uint8_t *p, size_t len)
{
	struct str block = drive_block(p, len);
	char text[ADDR_TEXT];
	struct addr a, b;

	if (!addr_parse(&a, block, 80)) {
		addr_text(&a, text);
		MUST(!addr_parse(&b, str_of(text), -1) && addr_equal(&a, &b));
	}
	free((char *)block.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t cut;

	if (size < 2)
		return 0;
	cut = data[1] < size - 2 ? data[1] : size - 2;
	switch (data[0] % 6) {
	case 0:
	case 1:
		server(data + 2, size - 2, cut, data[0] % 6);
		break;
	case 2:
	case 3:
		client(data + 2, size - 2, cut, data[0] % 6 == 3);
		break;
	case 4:
		datagram(data + 2, size - 2);
		break;
	default:
		host(data + 2, size - 2);
	}
	return 0;
}
