/* Regular expressions for the forms of text. They follow validate/structure_format.c as far as a regular expression
 * can. */
#include "model/xkeys_schema.h"

#define HEX "[0-9a-fA-F]"
#define B64U "[A-Za-z0-9_-]"
#define B64 "[A-Za-z0-9+/]"
#define ANY "[\\s\\S]"
#define PORT "(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
#define PORT_RANGE "0*(?:" PORT "|0)-0*(?:" PORT "|0)"
#define PORT_ITEM(single) "(?:env:[^,]*|" PORT_RANGE "|" single ")"
#define PORT_LIST(single) "\\s*" PORT_ITEM(single) "?\\s*(?:,\\s*" PORT_ITEM(single) "?\\s*)*$"
#define IP "\\s*\\[?(?=[^\\s]*[.:])[0-9a-fA-F.:]+\\]?\\s*"
#define HOST "(?:\\[[^\\]]*\\]|[^:\\[][^:]*)?"
#define PIN ":*(?:" HEX ":*){64}"
#define NUMBER "(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)"

static const char *const patterns[XF__N] = {
	[XF_UUID] = "^(?:" ANY "{0,30}|(?=" ANY "{32,36}$)-?" HEX "{8}-?" HEX "{4}-?" HEX "{4}-?" HEX "{4}-?" HEX
		    "{12}" ANY "*)$",
	[XF_KEY32] = "^(?:" B64U "{43})?$",
	[XF_WGKEY] = "^(?:" HEX "{64}|(?:" B64U "{4})*(?:" B64U "{2,3})?=?|(?:" B64 "{4})*(?:" B64 "{2,3})?=?)$",
	[XF_SHORT_ID] = "^(?:" HEX "{2}){0,8}$",
	[XF_PINS] = "^\\s*(?:" PIN ")?\\s*(?:,\\s*(?:" PIN ")?\\s*)*$",
	[XF_DURATION] = "^[-+]?(?:0|(?:" NUMBER "(?:ns|us|\xc2\xb5s|\xce\xbcs|ms|s|m|h))+)$",
	[XF_BANDWIDTH] = "^\\s*(?:" NUMBER "\\s*[kmgtKMGT]?(?:[bB]|[bB][pP][sS])?)?\\s*$",
	[XF_SLASH] = "^(?:/" ANY "*)?$",
	[XF_HOST_PORT] = "^" HOST ":[^:]*$",
	[XF_REDIRECT] = "^(?:" HOST ":[0-9]{1,5})?$",
	[XF_IP] = "^(?:env:" ANY "*|" IP ")$",
	[XF_SEND_THROUGH] = "^(?:" ANY "*/" ANY "*|" IP "|origin|srcip)$",
	[XF_LISTEN] = "^(?:[/@]" ANY "*|localhost|env:" ANY "*|" IP ")$",
	[XF_PACKETS] = "^(?:[tT][lL][sS][hH][eE][lL][lL][oO]|0*[1-9][0-9]*(?:-[0-9]+)?)?$",
	[XF_HTTPS] = "^https://[^/]",
	[XF_VERSION] = "^(?:[0-9]{1,3}(?:\\.[0-9]{1,3}){0,2})?$",
	[XF_DECRYPTION] = "^(?:none|mlkem768x25519plus\\.(?:native|xorpub|random)\\.[0-9]+(?:-[0-9]+)?s?\\." ANY "+)?$",
	[XF_ENCRYPTION] = "^(?:none|mlkem768x25519plus\\.(?:native|xorpub|random)\\.[01]rtt\\." ANY "+)?$",
	[XF_FINGERPRINT] = "^(?:[hH][eE][lL][lL][oO]" ANY "*|"
			   "[cC][hH][rR][oO][mM][eE]|[fF][iI][rR][eE][fF][oO][xX]|[sS][aA][fF][aA][rR][iI]|[iI][oO]"
			   "[sS]|[aA][nN][dD][rR][oO][iI][dD]|[eE][dD][gG][eE]|360|[qQ][qQ]|[rR][aA][nN][dD][oO][mM]|"
			   "[rR][aA][nN][dD][oO][mM][iI][zZ][eE][dD]|[rR][aA][nN][dD][oO][mM][iI][zZ][eE][dD][nN][oO]"
			   "[aA][lL][pP][nN]|[uU][nN][sS][aA][fF][eE]"
			   ")?$",
};

const char *schema_format_pattern(enum xformat f)
{
	return patterns[f];
}

const char *schema_ports_pattern(bool nonzero)
{
	return nonzero ? "^(?=" ANY "*[0-9e])" PORT_LIST(PORT) : "^" PORT_LIST("(?:" PORT "|0)");
}

const char *schema_dest_pattern(void)
{
	return "^(?:[/@]" ANY "*|serve-ws-none|[-+]?[0-9]+|" HOST ":[^:]*)$";
}

static const char *escaped(struct arena *a, char c, bool nocase)
{
	bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
	if (letter && nocase)
		return arena_printf(a, "[%c%c]", c | 0x20, c & ~0x20);
	bool plain = letter || (c >= '0' && c <= '9') || c == '-' || c == '_';
	return arena_printf(a, plain ? "%c" : "\\%c", c);
}

static const char *spelt(struct arena *a, const char *text, bool nocase)
{
	const char *p = "";
	for (; *text; text++)
		p = arena_printf(a, "%s%s", p, escaped(a, *text, nocase));
	return p;
}

const char *schema_nocase_pattern(struct arena *a, const char *text)
{
	return arena_printf(a, "^%s$", spelt(a, text, true));
}

const char *schema_names_pattern(struct arena *a, const struct xnames *names, bool list)
{
	const char *all = "";
	for (size_t i = 0; i < names->n; i++) {
		const struct xname *n = &names->v[i];
		if (n->lacks & target_default()->bit && !n->reported)
			continue;
		all = arena_printf(a, "%s%s%s", all, i ? "|" : "", spelt(a, n->name, !names->exact));
	}
	return list ? arena_printf(a, "^(?:%s)(?:,(?:%s))*$", all, all) : arena_printf(a, "^(?:%s)$", all);
}
