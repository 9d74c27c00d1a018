#ifndef XRAT_MODEL_XKEYS_H
#define XRAT_MODEL_XKEYS_H
/* Xray's JSON keys, one row each: the structure check, "did you mean", redaction, the engine's subset and
 * schemas/xray.schema.json all read these rows. Source: Xray-core infra/conf of 26.7.28; what v2ray 4.34 lacks was
 * tried on that version.
 *
 * A table describes one kind of object; a row one key of it. Go's decoder sets the rules of spelling: keys match
 * without case, null is the same as absent, integers have neither fraction nor exponent. */
#include "lib/lib.h"
#include "model/target.h"

enum xtype {
	XT_ANY,
	XT_BOOL,
	XT_STR,         /* format: enum xformat */
	XT_INT,         /* lo..hi */
	XT_FLOAT,
	XT_ENUM,        /* names */
	XT_STRS,        /* an array of strings; format applies to each */
	XT_STRLIST,     /* an array of strings, or one string with commas */
	XT_ENUMS,       /* an array of names */
	XT_ENUMLIST,    /* an array of names, or one string with commas */
	XT_PORT,        /* one number 0..65535 */
	XT_PORTS,       /* a number, or "80,443,1000-2000", "env:NAME" */
	XT_RANGE,       /* a number or "a-b"; lo..hi when hi is not 0 */
	XT_RANGES,      /* an array of those */
	XT_INTS,        /* an array of integers lo..hi */
	XT_BYTES,       /* an array of bytes, or base64 */
	XT_DEST,        /* a port number or a string */
	XT_BOOL_OR_INT,
	XT_OBJ,         /* sub */
	XT_OBJS,        /* an array of sub */
	XT_OBJ_OR_OBJS,
	XT_STR_OR_OBJS, /* an array; each a string or sub */
	XT_OBJ_LISTS,   /* an array of arrays of sub */
	XT_VARIANT,     /* an object; its table is chosen by a sibling key */
	XT_MAP_STR,     /* an object of strings */
	XT_MAP_STRLIST, /* an object of XT_STRLIST */
	XT_MAP_HOSTS,   /* an object of a string or an array of strings */
	XT_MAP_LEVELS,  /* an object of sub; keys are unsigned numbers */
	XT__N
};
enum xkey_flags {
	XK_REQUIRED = 1 << 0, /* must be there and not be "" or [] */
	XK_SECRET = 1 << 1,   /* masked wherever it is shown */
	XK_PUBLIC = 1 << 2,   /* never masked, whatever its name sounds like */
	XK_ONE = 1 << 3,      /* an array of one at most */
	XK_NONZERO = 1 << 4,  /* a port that 0 or "" makes useless */
	XK_REPORTED = 1 << 5, /* a target that lacks the key: another check says so; not of the builtin engine */
	XK_REFUSED = 1 << 6,  /* an engine that lacks the key refuses the file; else it ignores the key */
	XK_EMPTY_OK = 1 << 7, /* with XK_REFUSED: "", {} and [] pass */
	XK_HARMLESS = 1 << 8, /* an engine that lacks the key loses nothing: no diagnostic; of the builtin engine only
	                         where Xray ignores it too */
	XK_IMPLIED = 1 << 9,  /* an absent object is read as {}: its required keys count */
	XK_NO_HOST = 1 << 10, /* XT_MAP_STR: a 'Host' entry is refused */
	XK_NESTED = 1 << 12,  /* not read when the flat form's 'address' is there */
	XK_SOME = 1 << 13,    /* a list that must be there with an entry; a check of its own says so */
	XK_CLASHES = 1 << 14, /* the engine refuses the file when this number and the one of `beats` are both above 0 */
	XK_NOTED = 1 << 15,   /* XK_REPORTED for the builtin engine alone */
	XK_MATTERS = 1 << 11, /* an engine that ignores the key does something unsafe: an error */
};
enum xformat {
	XF_NONE,
	XF_UUID,       /* 32..36 characters: hex with optional hyphens; 1..30 are hashed */
	XF_KEY32,      /* 32 bytes, unpadded URL-safe base64 */
	XF_WGKEY,      /* base64 or 64 hex digits */
	XF_SHORT_ID,   /* at most 16 hex digits, an even number */
	XF_PINS,       /* SHA-256 digests in hex, comma separated */
	XF_DURATION,   /* 10s, 1h30m */
	XF_BANDWIDTH,  /* 60 mbps */
	XF_SLASH,      /* starts with '/' */
	XF_HOST_PORT,  /* host:port; either side may be empty */
	XF_REDIRECT,   /* host:port; the port is a number */
	XF_IP,
	XF_SEND_THROUGH, /* an address, address/prefix, origin, srcip */
	XF_LISTEN,     /* an address, localhost, a Unix socket */
	XF_PACKETS,    /* tlshello or a range from 1 */
	XF_HTTPS,      /* an https:// address */
	XF_VERSION,    /* up to three numbers below 256 */
	XF_DECRYPTION, /* none or mlkem768x25519plus.… of a VLESS inbound */
	XF_ENCRYPTION, /* the same of an outbound */
	XF_FINGERPRINT, /* a browser, random…, or one of uTLS's hello… names */
	XF__N
};

struct xname { /* one value of an enumeration */
	const char *name;
	uint8_t lacks;      /* targets that do not take it: TARGET_BIT_… */
	bool hidden;        /* a second spelling: accepted, not suggested */
	bool reported;      /* a target that lacks it: another check says so */
	const char *advice; /* removed by the targets that lack it: what to do */
};
struct xnames {
	const struct xname *v;
	size_t n;
	bool exact;         /* case matters */
	const char *silent; /* what an unknown value is silently taken for; NULL = the engine refuses the file */
};

struct xtable;
struct xvariant {
	const char *name;
	const struct xtable *table;
};
struct xvariants {
	const char *by; /* the sibling key */
	const struct xvariant *v;
	size_t n;
	const struct xtable *other; /* when the sibling is absent or has another value; NULL = not checked */
};
struct xkey {
	const char *name;
	uint8_t len;
	uint8_t type;   /* enum xtype */
	uint8_t format; /* enum xformat */
	uint8_t lacks;  /* targets that do not know the key: TARGET_BIT_… */
	uint16_t flags;
	int64_t lo, hi;
	union {
		const struct xtable *sub;
		const struct xnames *names;
		const struct xvariants *variants;
	};
	const char *beats;  /* another key that this one overrides */
	const char *advice; /* renamed or removed: what to do */
};
struct xneed { /* one of `any` must be there when `when` is (NULL: always) and none of `unless` is */
	const char *when;
	const char *is; /* the text that `when` must hold; NULL: any */
	const char *any[3];
	const char *unless[2];
};
struct xtable {
	const char *id;    /* "outbound", "vless-out": name of the schema definition */
	const char *title; /* "an outbound", for messages */
	const struct xkey *keys;
	size_t n;          /* at most 64 */
	const struct xneed *needs;
	size_t n_needs;
};

extern const struct xtable xt_root, xt_routing, xt_rule, xt_balancer, xt_inbound, xt_outbound;

/* The row of a key as written, or NULL. */
static inline const struct xkey *xkey_find(const struct xtable *t, const char *name, uint32_t len)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->keys[i].len == len && t->keys[i].name[0] == name[0] &&
		    !__builtin_memcmp(t->keys[i].name, name, len))
			return &t->keys[i];
	return NULL;
}
/* The same without ASCII case. */
const struct xkey *xkey_find_nocase(const struct xtable *t, struct str name);
/* The nearest known key, or NULL. */
const char *xkey_nearest(struct arena *a, const struct xtable *t, struct str name);
/* The value's row of an enumeration, or NULL. */
const struct xname *xname_find(const struct xnames *names, struct str value);
/* "'a', 'b', 'c'": the values that a target takes, without second spellings. */
const char *xnames_list(struct arena *a, const struct xnames *names, const struct target *t);
/* The table for a discriminator (case-blind), else the one for other values, or NULL. */
const struct xtable *xvariant_find(const struct xvariants *v, struct str name);

/* Whether the value at key of an object of that kind is a secret: path is the chain of keys from the root, arrays
 * skipped, e.g. "outbounds.settings.servers.password". Unknown keys whose name is not marked public count as secret
 * only by name (password, pass, id, key, secret, token …). */
bool xkeys_is_secret(const char *const *path, size_t n);
/* The same question for those who show nothing but what a row knows and does not call secret. Below a free map (headers)
 * everything is unknown, below the maps of hosts and levels everything is public. */
enum xkey_class { XKEY_UNKNOWN, XKEY_PUBLIC, XKEY_SECRET };
enum xkey_class xkeys_class(const char *const *path, size_t n);

/* JSON Schema (draft-07) of a complete file for the default target, made from the rows. What a schema cannot say
 * (duplicate keys, how a number is spelt) it leaves out; keys the engine ignores are refused, as unknown ones are. */
void xkeys_schema(struct arena *a, struct value *ret);

#endif
