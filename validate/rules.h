#ifndef XRAT_VALIDATE_RULES_H
#define XRAT_VALIDATE_RULES_H
/* The semantic checks, in the order they run. Only validate/ includes this. */
#include "validate/rule.h"

void tags_check(struct facts *f);      /* duplicates, case, spaces */
void refs_check(struct facts *f);      /* dialerProxy, proxySettings, geodata.outbound */
void balancer_check(struct facts *f);  /* selectors, fallbackTag, observatories */
void cycle_check(struct facts *f);     /* outbounds that dial through each other */
void listen_check(struct facts *f);    /* one port twice, ports that listen nowhere */
void transport_check(struct facts *f); /* settings of what is not selected, Vision, REALITY */
void tls_check(struct facts *f);       /* certificates, credentials in the clear */
void users_check(struct facts *f);     /* UUIDs, e-mails, passwords, levels */
void exposure_check(struct facts *f);  /* open listeners, default outbound */
void dns_check(struct facts *f);
void target_check(struct facts *f);    /* what the target refuses (XR65x) */
void rules_check(struct facts *f);     /* every rule, then shadowing */

/* Of one rule. */
void tags_check_rule(struct facts *f, const struct rule *r);
void refs_check_rule(struct facts *f, const struct rule *r);
void sniff_check_rule(struct facts *f, const struct rule *r);
void sniff_check(struct facts *f, bool protocol_rules);
void exposure_check_rule(struct facts *f, const struct rule *r);
/* Items of a domain or IP list; `where` names the key in messages. An empty place, "*", passes in DNS lists. */
void domain_check_list(struct facts *f, const struct value *list, const char *where);
void domain_check_item(struct facts *f, const struct xpart *item, const char *where);
void ip_check_list(struct facts *f, const struct value *list, const char *where);
/* Shadowing: feed every rule in its order. */
struct shadow;
struct shadow *shadow_new(struct facts *f, uint32_t n_rules);
void shadow_feed(struct shadow *s, const struct rule *r, uint32_t index);

#endif
