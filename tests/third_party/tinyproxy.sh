#!/bin/bash
# tinyproxy: a thread per connection, blocking sockets; a hundred clients at a time ask a slow origin through it.
. "$(dirname "$0")/lib.sh"
name=tinyproxy packages=tinyproxy native_threads=50

run_once() {
    start_origin
    local port said
    port=$(free_port)
    cat >"$work/conf" <<X
Port $port
Listen 127.0.0.1
Timeout 60
MaxClients 500
Allow 127.0.0.1
LogLevel Error
PidFile "$work/pid"
X
    # Started as root it changes to another user before it makes threads.
    [ "$(id -u)" = 0 ] && printf 'User nobody\nGroup nogroup\n' >>"$work/conf"
    start tinyproxy -d -c "$work/conf"
    wait_for_port "$port"
    said=$(client --proxy "127.0.0.1:$port" "$origin") || fail "$said"
    stop
    pass "$said"
}

main "$@"
