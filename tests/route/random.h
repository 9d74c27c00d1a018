#ifndef XRAT_TESTS_ROUTE_RANDOM_H
#define XRAT_TESTS_ROUTE_RANDOM_H
/* Random rules as JSON text and random flows, over alphabets so small that they meet. */
#include "tests/route/lists.h"

static uint64_t r_state;

static uint32_t r_next(void)
{
	r_state ^= r_state << 13;
	r_state ^= r_state >> 7;
	r_state ^= r_state << 17;
	return (uint32_t)(r_state >> 20);
}

static unsigned r_below(unsigned n) { return r_next() % n; }
#define R_PICK(v) ((v)[r_below(sizeof(v) / sizeof(*(v)))])

static const char *const r_labels[] = { "a", "b", "c", "ab", "ba", "abc", "www", "x1", "c3", "bb" };
static const char *const r_tops[] = { "com", "test", "cn", "c", "b", "org" };
static const char *const r_tags[] = { "in", "in2", "socks", "api" };
static const char *const r_users[] = { "ann", "bob@x.y", "Ann", "regexp:", "eve" };
static const char *const r_protocols[] = { "http/1.1", "http1", "tls", "quic", "bittorrent" };
static const char *const r_processes[] = { "curl", "/usr/bin/curl", "/opt/app/run", "wget" };
static const char *const r_attrs[] = { ":method", "Host", "x-Id" };
static const char *const r_values[] = { "GET", "a.com", "b1", "post" };

static void r_name(char *out, size_t size)
{
	unsigned n = r_below(4);

	*out = 0;
	for (unsigned i = 0; i < n; i++)
		snprintf(out + strlen(out), size - strlen(out), "%s.", R_PICK(r_labels));
	snprintf(out + strlen(out), size - strlen(out), "%s", R_PICK(r_tops));
	if (!r_below(40))
		out[0] = (char)toupper((unsigned char)out[0]);
}

static void r_domain_item(FILE *f)
{
	static const char *const patterns[] = { "^a", "b\\\\.c", "(com|org)$", "^[a-c]+\\\\.test$", "x1|c3", "^$", "[0-9]",
		"^www\\\\.", "a.*b" };
	static const char *const lists[] = { "geosite:cn", "geosite:ADS-all", "geosite:ads-all@x", "geosite:Ads-All@ads@X",
		"geosite:cn@ads", "geosite:empty", "ext:mine.dat:home", "ext-domain:mine.dat:HOME" };
	char name[48];

	r_name(name, sizeof(name));
	switch (r_below(12)) {
	case 0: fprintf(f, "\"full:%s\"", name); break;
	case 1: case 2: case 3: fprintf(f, "\"domain:%s\"", name); break;
	case 4: fprintf(f, "\"%s:.%s\"", r_below(2) ? "domain" : "full", name); break;
	case 5: fprintf(f, "\"regexp:%s\"", R_PICK(patterns)); break;
	case 6: fprintf(f, "\"dotless:%s\"", r_below(3) ? r_labels[r_below(6)] : r_below(2) ? "" : "a+"); break;
	case 7: case 8: fprintf(f, "\"%s\"", R_PICK(lists)); break;
	case 9: fprintf(f, "\"keyword:%s\"", r_below(8) ? R_PICK(r_labels) : ""); break;
	case 10: fprintf(f, "\"%s.%s\"", R_PICK(r_labels), R_PICK(r_tops)); break;
	default: fprintf(f, "\"%s\"", name); break;
	}
}

static void r_ip_item(FILE *f)
{
	static const char *const lists[] = { "geoip:cn", "geoip:four", "geoip:!six", "geoip:SIX", "ext:other.dat:wide",
		"!geoip:four", "!geoip:!cn", "ext:geoip.dat:!Cn" };
	static const uint8_t bits4[] = { 0, 8, 13, 16, 22, 24, 29, 30, 31, 32 }, bits6[] = { 0, 32, 48, 63, 64, 127, 128 };
	const char *negated = r_below(9) ? "" : r_below(4) ? "!" : "!!";

	switch (r_below(6)) {
	case 0: fprintf(f, "\"%s\"", R_PICK(lists)); break;
	case 1: fprintf(f, "\"%s2001:db8:0:%u::%u/%u\"", negated, r_below(4), r_below(4), R_PICK(bits6)); break;
	case 2: fprintf(f, "\"%s::ffff:10.%u.0.%u\"", negated, r_below(2), r_below(8)); break;
	case 3: fprintf(f, "\"%s10.%u.%u.%u\"", negated, r_below(2), r_below(2), r_below(4)); break;
	default: fprintf(f, "\"%s10.%u.%u.%u/%u\"", negated, r_below(3), r_below(3), r_below(8), R_PICK(bits4)); break;
	}
}

static void r_list(FILE *f, unsigned most, void (*item)(FILE *f))
{
	unsigned n = 1 + r_below(most);

	fputc('[', f);
	for (unsigned i = 0; i < n; i++) {
		fputs(i ? "," : "", f);
		item(f);
	}
	fputc(']', f);
}

static void r_port(FILE *f)
{
	unsigned n = 1 + r_below(3);

	if (!r_below(4)) {
		fprintf(f, "%u", 1 + r_below(8));
		return;
	}
	fputc('"', f);
	for (unsigned i = 0; i < n; i++) {
		unsigned lo = r_below(9), hi = lo && !r_below(12) ? lo - 1 : lo + r_below(4); /* some are reversed */
		fprintf(f, r_below(2) ? "%s%u" : "%s%u-%u", i ? "," : "", lo, hi);
	}
	fputs(r_below(60) ? "\"" : ",0-65535\"", f);
}

static void r_tag_item(FILE *f) { fprintf(f, "\"%s\"", r_below(20) ? R_PICK(r_tags) : ""); }
static void r_protocol_item(FILE *f)
{
	static const char *const v[] = { "http", "tls", "quic", "bittorrent", "http1", "t", "http/1.1x" };
	fprintf(f, "\"%s\"", R_PICK(v));
}
static void r_user_item(FILE *f)
{
	static const char *const v[] = { "regexp:^a", "regexp:@x", "regexp:e+$", "regexp:^[A-Z]" };
	fprintf(f, "\"%s\"", r_below(3) ? R_PICK(r_users) : R_PICK(v));
}
static void r_process_item(FILE *f)
{
	static const char *const v[] = { "curl", "curl.exe", "/usr/bin/", "/usr/", "/usr/bin/curl", "run", "/opt/app/",
		"wget", "self/" };
	fprintf(f, "\"%s\"", R_PICK(v));
}
static void r_os_item(FILE *f)
{
	static const char *const v[] = { "linux", "Linux", "windows", "darwin", "android" };
	fprintf(f, "\"%s\"", R_PICK(v));
}

static void r_attr_object(FILE *f)
{
	static const char *const patterns[] = { "G", "^a", "1$", "T|b", "." };
	unsigned n = 1 + !r_below(4), first = r_below(3);

	fputc('{', f);
	for (unsigned i = 0; i < n; i++)
		fprintf(f, "%s\"%s\":\"%s\"", i ? "," : "", r_attrs[(first + i) % 3], R_PICK(patterns));
	fputc('}', f);
}

static void r_condition(FILE *f, enum mf k)
{
	static const char *const networks[] = { "\"tcp\"", "\"udp\"", "[\"TCP\"]", "\"tcp,udp\"", "[\"udp\",\"tcp\"]" };
	bool other = !r_below(6); /* another spelling of the key */

	fprintf(f, "\"%s\":", k == MF_DOMAIN && other ? "domains" : k == MF_SOURCE && other ? "source" :
		k == MF_PORT && other ? "Port" : mf_names[k]);
	switch (k) {
	case MF_OS: r_list(f, 2, r_os_item); break;
	case MF_INBOUND: r_list(f, 2, r_tag_item); break;
	case MF_NETWORK: fputs(R_PICK(networks), f); break;
	case MF_PROTOCOL: r_list(f, 2, r_protocol_item); break;
	case MF_USER: r_list(f, 2, r_user_item); break;
	case MF_ATTRS: r_attr_object(f); break;
	case MF_IP: case MF_SOURCE: case MF_LOCAL: r_list(f, 3, r_ip_item); break;
	case MF_DOMAIN: r_list(f, 3, r_domain_item); break;
	case MF_PROCESS: r_list(f, 2, r_process_item); break;
	default: r_port(f); break;
	}
}

/* One rule: one to five conditions, the common ones more often. */
static void r_rule(FILE *f)
{
	unsigned used = 0, n = 1 + r_below(3) + r_below(3), written = 0;

	fputc('{', f);
	for (unsigned i = 0; i < n; i++) {
		static const uint8_t common[] = { MF_DOMAIN, MF_IP, MF_PORT, MF_NETWORK, MF_INBOUND };
		unsigned k = r_below(3) ? r_below(MF__N) : R_PICK(common);
		if (used & 1u << k)
			continue;
		used |= 1u << k;
		fputs(written++ ? "," : "", f);
		r_condition(f, k);
	}
	fputs(",\"outboundTag\":\"o\"}", f);
}

static struct maddr r_addr(void)
{
	struct maddr a = { .family = r_below(4) ? 4 : 6 };

	if (a.family == 4) {
		memcpy(a.b, (uint8_t[]){ r_below(20) ? 10 : 200, (uint8_t)r_below(3), (uint8_t)r_below(3), (uint8_t)r_below(8) }, 4);
	} else {
		memcpy(a.b, (uint8_t[]){ 0x20, 1, 0xd, 0xb8, 0, 0, 0, (uint8_t)r_below(4) }, 8);
		a.b[15] = (uint8_t)r_below(4);
	}
	return a;
}

static void r_flow(struct mflow *f)
{
	memset(f, 0, sizeof(*f));
	if (r_below(5) < 3)
		r_name(f->domain, sizeof(f->domain));
	if (*f->domain && !r_below(60))
		strcat(f->domain, ".");
	if (!*f->domain || !r_below(5))
		f->target = r_addr();
	f->n_resolved = (int)r_below(5) - 1;
	for (int i = 0; i < f->n_resolved; i++)
		f->resolved[i] = r_addr();
	if (r_below(6))
		f->source = r_addr();
	if (r_below(6))
		f->local = r_addr();
	f->udp = r_below(2);
	f->port = (uint16_t)r_below(13);
	f->sport = (uint16_t)r_below(13);
	f->lport = (uint16_t)r_below(13);
	f->vless = (uint16_t)r_below(13);
	f->inbound = r_below(8) ? R_PICK(r_tags) : "";
	f->user = r_below(5) ? R_PICK(r_users) : "";
	f->protocol = r_below(5) ? R_PICK(r_protocols) : "";
	f->process = r_below(5) ? R_PICK(r_processes) : "";
	f->n_attrs = (int)r_below(4);
	for (int i = 0; i < f->n_attrs; i++)
		f->attrs[i] = (struct mattr){ R_PICK(r_attrs), R_PICK(r_values) };
}

#endif
