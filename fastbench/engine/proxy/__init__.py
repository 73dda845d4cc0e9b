"""The way through a proxy: a tunnel, by CONNECT or SOCKS5."""
