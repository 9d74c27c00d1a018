"""Names: v2ray and Xray ask the engine, and the engine asks them; FakeDNS between them."""
from engbed import FREEDOM, PORTS, check, echo, recv_exact, until
from names import answers, dns_server, query
from peers import inbound, start_peer, through, tunnel
from udp import Association, ask_udp, serve

FORCED = {"tag": "forced", "protocol": "freedom", "settings": {"domainStrategy": "ForceIP"}}
DNS = {"tag": "dns", "protocol": "dns"}


def says(b, port, host, proxy):
    """Whether an echo of three bytes comes back from that name through that SOCKS port."""
    try:
        c = b.socks(port, host, address=("127.0.0.1", proxy))
        c.sendall(b"abc")
        return recv_exact(c, 3) == b"abc"
    except Exception:
        return False


def asks_peer(b, kind):
    """Our DNS client, by UDP and TCP, to its dns outbound."""
    t, s, door = b.server(echo), serve(b), PORTS.one()
    start_peer(b, kind, [tunnel(door, 53)], [DNS], dns={"hosts": {"udp.test": "127.0.0.1", "tcp.test": "127.0.0.1", "six.test": "::1"},
                                                       "servers": ["127.0.0.1"]})
    b.start(b.config(inbounds=[inbound("socks", b.port)], outbounds=[FORCED],
                     dns={"servers": [{"address": "127.0.0.1", "port": door, "domains": ["full:udp.test"], "skipFallback": True},
                                      {"address": f"tcp+local://127.0.0.1:{door}", "domains": ["full:tcp.test"], "skipFallback": True}]}))
    for name in ("udp.test", "tcp.test"):
        check(says(b, t.port, name, b.port), f"TCP to {name}")
    a = Association(b)
    check(a.ask(b"x", s.port, "udp.test")[0] == b"x", "UDP to a name")


def asked_by_peer(b, kind):
    """Its DNS client to our dns outbound behind a tunnel: hosts of ours, and an upstream of ours."""
    t, d, door, its, its_tcp = b.server(echo), serve(b, dns_server({"up.test": "127.0.0.1"})), *(PORTS.one() for _ in range(3))
    b.start(b.config(inbounds=[tunnel(door, 53, "dns-in")], outbounds=[DNS, FREEDOM],
                     dns={"hosts": {"hosts.test": "127.0.0.1"}, "servers": [{"address": "127.0.0.1", "port": d.port}]}))
    use = {"protocol": "freedom", "settings": {"domainStrategy": "UseIPv4"}}
    start_peer(b, kind, [inbound("socks", its)], [use], dns={"servers": [{"address": "127.0.0.1", "port": door}]})
    proxies = [its]
    if kind == "xray":  # v2ray 4.34 asks by UDP and HTTPS alone
        start_peer(b, kind, [inbound("socks", its_tcp)], [use], dns={"servers": [f"tcp+local://127.0.0.1:{door}"]})
        proxies.append(its_tcp)
    for proxy in proxies:
        for name in ("hosts.test", "up.test"):
            until(lambda n=name, p=proxy: says(b, t.port, n, p), f"{name} by its DNS client", 10)
    check(any(b"\2up\4test" in x for x in d.seen), "our upstream was asked")
    code, ips = answers(ask_udp(door, query("hosts.test")))
    check(code == 0 and ips == ["127.0.0.1"], "a plain query by UDP")


def case_dns_asks_v2ray(b):
    asks_peer(b, "v2ray")


def case_dns_asks_xray(b):
    asks_peer(b, "xray")


def case_dns_asked_by_v2ray(b):
    asked_by_peer(b, "v2ray")


def case_dns_asked_by_xray(b):
    asked_by_peer(b, "xray")


def fake(b, kind, dial):
    """It looks a name up at our FakeDNS and connects to the address through us: we reach the name."""
    t, d = b.server(echo), serve(b, dns_server({"real.test": "127.0.0.1"}))
    door, its = PORTS.one(), PORTS.one()
    sniffing = {"enabled": True, "destOverride": ["fakedns"], "metadataOnly": True}
    engine = b.config(inbounds=[{**inbound("socks", b.port), "sniffing": sniffing}, tunnel(door, 53, "dns-in")],
                      outbounds=[FORCED, DNS], routing={"rules": [{"inboundTag": ["dns-in"], "outboundTag": "dns"}]},
                      fakedns={"ipPool": "198.18.0.0/24", "poolSize": 200},
                      dns={"servers": ["fakedns", {"address": "127.0.0.1", "port": d.port}], "queryStrategy": "UseIPv4"})
    b.start(engine)
    use = {"tag": "use", "protocol": "freedom", "settings": {"domainStrategy": "UseIPv4"}, **dial}
    start_peer(b, kind, [inbound("socks", its)], [use, through("socks", b.port), {"tag": "plain", "protocol": "freedom"}],
               dns={"servers": [{"address": "127.0.0.1", "port": door}], "tag": "names"},
               routing={"rules": [{"type": "field", "inboundTag": ["names"], "outboundTag": "plain"}]})
    until(lambda: says(b, t.port, "real.test", its), "an echo from the name", 10)
    log = "\n".join(b.lines(b.access))
    check(f"real.test:{t.port}" in log, f"the name in our log: {log}")


def case_fakedns_v2ray(b):
    fake(b, "v2ray", {"proxySettings": {"tag": "up"}})


def case_fakedns_xray(b):
    fake(b, "xray", {"streamSettings": {"sockopt": {"dialerProxy": "up"}}})
