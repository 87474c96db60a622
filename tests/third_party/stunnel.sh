#!/bin/bash
# stunnel: a thread per connection, OpenSSL, poll; a hundred TLS clients at a time of a plain origin.
. "$(dirname "$0")/lib.sh"
name=stunnel packages="stunnel4 openssl" native_threads=50

run_once() {
    start_origin
    local port said
    port=$(free_port)
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/key" -out "$work/certificate" -days 2 -subj /CN=localhost 2>/dev/null ||
        fail "openssl made no certificate"
    cat >"$work/conf" <<X
foreground = yes
pid =
debug = err
[test]
accept = 127.0.0.1:$port
connect = $origin
key = $work/key
cert = $work/certificate
X
    [ "$(id -u)" = 0 ] && sed -i '1i setuid = nobody\nsetgid = nogroup' "$work/conf"
    start stunnel4 "$work/conf"
    wait_for_port "$port"
    said=$(client --tls "127.0.0.1:$port") || fail "$said"
    stop
    pass "$said"
}

main "$@"
