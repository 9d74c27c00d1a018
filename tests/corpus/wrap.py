#!/usr/bin/env python3
"""wrap.py IN OUT: completes a fragment of an Xray configuration so that what it refers to exists.

Examples in documentation show one object; xrat checks whole files. Comments are dropped, a missing inbounds or outbounds
section gets one plain member, and every tag that a rule, balancer, proxy chain or fallback names gets a plain owner.
Placeholders that no engine would take (an elided "…", a key of asterisks) are left as they are. What the fragment itself
says is not changed."""
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


def main(source, target):
    config = load(source)
    if not isinstance(config, dict) or not config:
        sys.exit(f"{source} is not an object")
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
