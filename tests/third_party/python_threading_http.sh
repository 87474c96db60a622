#!/bin/bash
# Python's http.server.ThreadingHTTPServer: a thread per connection, each asleep for most of its life.
. "$(dirname "$0")/lib.sh"
name=python_threading_http packages=python3 native_threads=50

run_once() {
    local port said
    port=$(free_port)
    start "$python" "$here/origin.py" "$port"
    wait_for_port "$port"
    said=$(client "127.0.0.1:$port") || fail "$said"
    stop
    pass "$said"
}

main "$@"
