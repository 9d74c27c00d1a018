#!/usr/bin/env python3
"""wrap.py IN OUT: completes a fragment of an Xray configuration so that what it refers to exists.

Examples in documentation show one object; xrat checks whole files. Comments are dropped, a missing inbounds or outbounds
section gets one plain member, and every tag that a rule, balancer, proxy chain or fallback names gets a plain owner.
What an excerpt leaves out is filled in: protocol and port, VLESS's "none", TLS where VLESS or Trojan cannot go without.
Placeholders that no engine would take (a key of asterisks, "protocol_name") are left as they are: refused.txt lists them.
What the fragment itself says is not changed."""
import json
import re
import sys


def without_comments(text):
    token = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/|#[^\n]*', re.S)
    return token.sub(lambda m: m.group() if m.group().startswith('"') else " ", text)


def load(path):
    text = without_comments(open(path, encoding="utf-8").read())
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return json.loads("{" + text.strip().rstrip(",") + "}")


def tags_wanted(node, key, found):
    if isinstance(node, dict):
        for k, v in node.items():
            if k == key:
                found.extend(v if isinstance(v, list) else [v])
            tags_wanted(v, key, found)
    elif isinstance(node, list):
        for v in node:
            tags_wanted(v, key, found)
    return [t for t in found if isinstance(t, str)]


def add(config, section, tag, member):
    if tag and tag not in [m.get("tag") for m in config.setdefault(section, []) if isinstance(m, dict)]:
        config[section].append({"tag": tag, **member})


TLS = {"network": "tcp", "security": "tls"}
CERTIFICATE = {"certificates": [{"certificateFile": "/etc/ssl/wrap.pem", "keyFile": "/etc/ssl/wrap.key"}]}


def users(settings):
    return [u for u in settings.get("clients", settings.get("users", [])) if isinstance(u, dict)]


def complete_inbound(inbound, port):
    protocol = inbound.setdefault("protocol", "socks")
    if protocol != "tun" and not str(inbound.get("listen", "")).startswith(("/", "@")):
        inbound.setdefault("port", port)
    settings = inbound.get("settings", {})
    if protocol == "vless" and settings:
        settings.setdefault("decryption", "none")
        if any(u.get("flow") for u in users(settings)) and "streamSettings" not in inbound:
            inbound["streamSettings"] = {**TLS, "tlsSettings": CERTIFICATE}


def complete_outbound(outbound):
    protocol = outbound.setdefault("protocol", "freedom")
    settings = outbound.get("settings", {})
    if protocol == "vless" and settings and "vnext" not in settings:
        settings.setdefault("encryption", "none")
    if protocol in ("vless", "trojan") and settings:
        outbound.setdefault("streamSettings", {**TLS})


def complete(config):
    for i, inbound in enumerate(config.get("inbounds", [])):
        complete_inbound(inbound, 43000 + i)
    for outbound in config.get("outbounds", []):
        complete_outbound(outbound)


def main(source, target):
    config = load(source)
    if not isinstance(config, dict) or not config:
        sys.exit(f"{source} is not an object")
    complete(config)
    port = 42000
    if not config.get("inbounds"):
        add(config, "inbounds", "wrap-in", {"listen": "127.0.0.1", "port": 41999, "protocol": "socks"})
    if not config.get("outbounds"):
        add(config, "outbounds", "wrap-out", {"protocol": "freedom"})
    routing = config.get("routing", {})
    owned = {"api": config.get("api", {}).get("tag"), "dns": config.get("dns", {}).get("tag")}
    reverse = config.get("reverse", {})
    ends = [e.get("tag") for k in ("bridges", "portals") for e in reverse.get(k, [])]
    ends += [t for t in (v.get("tag") for v in find_all(config, "reverse")) if t]
    for tag in tags_wanted(routing, "inboundTag", []):
        if tag not in owned.values() and tag not in ends:
            port += 1
            add(config, "inbounds", tag, {"listen": "127.0.0.1", "port": port, "protocol": "socks"})
    outs = tags_wanted(config, "outboundTag", []) + tags_wanted(config, "dialerProxy", []) + tags_wanted(config, "fallbackTag", [])
    outs += [v["tag"] for v in find_all(config, "proxySettings") if "tag" in v]
    for tag in outs:
        if tag not in owned.values() and tag not in ends:
            add(config, "outbounds", tag, {"protocol": "freedom"})
    balancers = [b.get("tag") for b in routing.get("balancers", [])]
    for tag in tags_wanted(routing, "balancerTag", []):
        if tag not in balancers:
            routing.setdefault("balancers", []).append({"tag": tag, "selector": [config["outbounds"][0].get("tag", "")]})
            balancers.append(tag)
    selectors = tags_wanted(config, "selector", []) + tags_wanted(config, "subjectSelector", [])
    for prefix in selectors:
        if not any(str(o.get("tag", "")).startswith(prefix) for o in config["outbounds"] if isinstance(o, dict)):
            add(config, "outbounds", prefix, {"protocol": "freedom"})
    json.dump(config, open(target, "w", encoding="utf-8"), ensure_ascii=False, indent=2)


def find_all(node, key):
    """Objects that stand under that key, anywhere below node but not at its top."""
    out = []
    if isinstance(node, dict):
        for v in node.values():
            out += [v[key]] if isinstance(v, dict) and isinstance(v.get(key), dict) else []
            out += find_all(v, key)
    elif isinstance(node, list):
        for v in node:
            out += [v[key]] if isinstance(v, dict) and isinstance(v.get(key), dict) else []
            out += find_all(v, key)
    return out


main(*sys.argv[1:3])
